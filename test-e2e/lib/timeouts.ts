/**
 * Every time limit of the end-to-end tests, in ms, so that a slow machine is adjusted in one place.
 * They are bounds after which something is broken, never lengths of time that a test waits out:
 * tests wait for conditions. `E2E_SLOW=3` multiplies them.
 */
const slow = Number(process.env['E2E_SLOW'] ?? '1');

const seconds = (count: number): number => count * 1_000 * slow;

export const timeouts = {
  /** One request to the API server. */
  request: seconds(15),
  /** Between two looks at something that cannot be watched. */
  poll: 100,
  /** One list and watch of a wait; then it lists again, so that a dead watch costs no more. */
  watch: seconds(10),
  /** One short program: kubectl, ctr, ip. */
  command: seconds(60),
  /** A component of the cluster, from its start to its first good answer. */
  component: seconds(60),
  /** All nodes Ready after the kubelets were started. */
  nodesReady: seconds(90),
  /** Programs of one Go module built from nothing. */
  build: seconds(1_500),
  /** Packages installed, base image made. */
  install: seconds(600),
  /** The image built, saved or imported. */
  image: seconds(300),
  /** `kind create cluster`, its node image pulled. */
  kindUp: seconds(600),
  /** Pods scheduled, started and Ready with the image present. */
  podsReady: seconds(90),
  /** A pod or another object gone after its deletion. */
  gone: seconds(90),
  /** A namespace: its controller waits up to a minute between two looks at pods that still end. */
  namespaceGone: seconds(300),
  /** A node seen as lost after its kubelet stopped: grace period and a monitor's turn. */
  nodeLost: seconds(60),
  /** The database in pods: created, or serving again. */
  database: seconds(60),
  /** Everything that a failed test leaves in `out/`. */
  dump: seconds(60),
  /** One test of a spec, unless it says otherwise. */
  test: seconds(180),
  /** What a spec prepares and removes around its tests. */
  hook: seconds(180),
  /** All specs of a run. */
  specs: seconds(5_400),
} as const;
