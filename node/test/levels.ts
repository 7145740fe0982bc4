/**
 * The level table (node/README.md draws it) and the other facts that `tidy.test.ts` enforces.
 * An import goes to a lower level or stays inside its folder; folders of one level never import
 * each other. Tests, and the folders of `wiring`, may import any folder: they choose the
 * implementations of the `sys` interfaces.
 */

/** Folder of `node/` → level. */
export const levels: Readonly<Record<string, number>> = {
  lib: 0,
  contract: 1,
  sys: 1,
  values: 1,
  raft: 2,
  shards: 2,
  expressions: 2,
  verbs: 2,
  items: 3,
  storage: 3,
  transport: 3,
  metrics: 3,
  host: 4,
  executor: 5,
  router: 6,
  manager: 7,
  dynamo: 8,
  http: 8,
  admin: 8,
  cli: 9,
  config: 9,
};

/**
 * Folder of `operator/` → level. Its folders stand above `operatorShared` of `node/` and meet the
 * database over the network; `node/` never imports them.
 */
export const operatorLevels: Readonly<Record<string, number>> = {
  api: 1,
  kube: 2,
  nodes: 2,
  metrics: 2,
  desired: 3,
  certificates: 4,
  observe: 4,
  plan: 5,
  status: 5,
  act: 6,
  reconcile: 7,
  cli: 8,
};

/** What `operator/` may import of `node/`. */
export const operatorShared: readonly string[] = [
  'node/lib/',
  'node/contract/',
  'node/sys/',
  // The client of the admin service, and channels.
  'node/admin/grpc-admin-client.ts',
  'node/admin/grpc-cluster-calls.ts',
  'node/admin/plain-message.ts',
  'node/transport/grpc-channel.ts',
  // The verbs about a cluster, for a command line of its own.
  'node/verbs/',
  // Its version.
  'package.json',
];

/** The first level that may use Node's own modules and globals freely: the doors. */
export const doorLevel = 8;

/** Files and folders of `node/` that wire the others together. */
export const wiring: readonly string[] = ['main.ts', 'sim', 'bench', 'test'];

/** Files and folders of `operator/` that wire the others together, or generate files. */
export const operatorWiring: readonly string[] = ['main.ts', 'generate', 'test'];

/** Files that no other file imports: a program, and what `jest.config.js` names. */
export const entryPoints: readonly string[] = [
  'node/main.ts',
  'operator/main.ts',
  'operator/cli/kubectl-dynakv-main.ts',
  'node/test/property-seed.ts',
];

/** Parts of `main.ts` that keep it short: they wire a node, and read its options. */
export const mainParts: readonly string[] = [
  'node/cli/client-tls.ts',
  'node/cli/node-birth.ts',
  'node/cli/node-process.ts',
  'node/cli/node-store.ts',
  'node/cli/recover.ts',
  'node/cli/recover-command.ts',
];

/** Neither I/O nor time nor chance nor waiting: data in, data out. */
export const pureFolders: readonly string[] = ['raft', 'shards', 'expressions', 'items', 'values'];

/** The same of `operator/`. */
export const operatorPureFolders: readonly string[] = ['api', 'desired', 'plan', 'status'];

/** Places below the doors where Node's modules are wrapped, with the reason. */
export const nodeModulePlaces: readonly { readonly prefix: string; readonly why: string }[] = [
  { prefix: 'node/sys/real/', why: 'the real clock, disk, random and log' },
  { prefix: 'node/transport/', why: 'sockets, TLS files and reconnect timers' },
  { prefix: 'node/storage/rocks-', why: 'the binding opens files by itself' },
  { prefix: 'node/storage/folder-lock', why: 'the lock is the operating system’s' },
  { prefix: 'node/storage/wal-sync', why: 'syncs the files of the binding by descriptor' },
  { prefix: 'operator/kube/', why: 'HTTP to the API server, kubeconfig and token files' },
  { prefix: 'operator/nodes/', why: 'channels to the nodes' },
  { prefix: 'operator/certificates/', why: 'keys and signatures are made by the runtime' },
  { prefix: 'operator/cli/', why: 'a program of its own' },
];

/** Pure functions of Node's modules that any folder but the pure ones may use. */
export const pureNodeModules: readonly string[] = ['node:buffer', 'node:zlib', 'node:util'];

/** Globals that stand for the outside world, and the interface to take instead. */
export const worldGlobals: ReadonlyMap<string, string> = new Map([
  ['Date', 'sys/clock.ts'],
  ['performance', 'sys/clock.ts'],
  ['setTimeout', 'Timers of sys/clock.ts'],
  ['setInterval', 'Timers of sys/clock.ts'],
  ['setImmediate', 'Timers of sys/clock.ts'],
  ['process', 'an option passed in by main.ts'],
  ['fetch', 'sys/network.ts'],
  ['crypto', 'sys/random.ts'],
]);

/** Package → the folders that wrap it; a package that is not listed may not be imported. */
export const packagePlaces: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-dynamodb': ['lib'],
  '@bufbuild/protobuf': ['contract', 'transport', 'admin', 'nodes'],
  '@grpc/grpc-js': ['transport', 'admin', 'nodes'],
  // Its types, in `api` and `desired`; its reading of kubeconfigs, in `kube`.
  '@kubernetes/client-node': ['api', 'desired', 'kube'],
  '@nxtedition/rocksdb': ['storage'],
  '@peculiar/x509': ['certificates'],
  'cli-progress': ['cli', 'bench'],
  'cli-table3': ['bench', 'verbs'],
  commander: ['cli', 'bench', 'sim', 'verbs'],
  express: ['http'],
  'lru-cache': ['host', 'executor'],
  picocolors: ['cli', 'bench', 'verbs'],
  pino: ['sys'],
  'pino-pretty': ['sys'],
  'prom-client': ['metrics'],
  typescript: ['generate'],
  yaml: ['source', 'generate', 'specs'],
};

/** Folder of `test-e2e/` → level; files at its top wire them, and only specs import those. */
export const e2eLevels: Readonly<Record<string, number>> = {
  lib: 0,
  local: 1,
  middle: 2,
  providers: 2,
  specs: 3,
};

/** What `test-e2e/` may import: it meets the programs over the network alone. */
export const e2eShared: readonly string[] = [
  'node/contract/',
  'node/sys/',
  // The client of the API server.
  'operator/api/kube-object.ts',
  'operator/kube/',
  // A database without data, which the middle tier has in place of pods.
  'operator/test/testing-model.ts',
  'operator/test/testing-nodes.ts',
];

/** Names allowed at the top of the repository. */
export const topLevel: readonly string[] = [
  '.ci',
  '.github',
  '.gitignore',
  '.npmrc',
  '.prettierignore',
  '.prettierrc.json',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'Makefile',
  'README.md',
  'charts',
  'crds',
  'eslint.config.js',
  'jest.config.js',
  'manifests',
  'node',
  'operator',
  'package-lock.json',
  'package.json',
  'test-e2e',
  'tsconfig.build.json',
  'tsconfig.json',
];

export const fileLinesMax = 600;

/** Files that may be longer, each with its bound and reason. */
export const longFiles: ReadonlyMap<string, number> = new Map([
  // One state machine, whose rules are easier to check side by side.
  ['node/raft/raft.ts', 1200],
]);

export const lineColumnsMax = 100;
export const functionLinesMax = 70;

/** Long functions that exist: `file#name` → lines. One may shrink, none may grow or join. */
export const longFunctions: ReadonlyMap<string, number> = new Map([]);

/** Text that may not stand in a source or a document, and what to write instead. */
export const bannedTexts: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bFIXME\b/, instead: 'mend it, or record it in a decision' },
  { pattern: /\bTODO\b(?!\(#\d+\))/, instead: 'TODO(#number)' },
  { pattern: /\bXXX\b/, instead: 'a full sentence' },
  { pattern: /\bconsole\.\w+\(/, instead: 'the Logger of sys/log.ts' },
  { pattern: /@ts-ignore|@ts-nocheck/, instead: '@ts-expect-error with a reason' },
  { pattern: /eslint-disable(?!.*--)/, instead: 'eslint-disable… -- reason' },
  { pattern: /instanceof (Error|Map|Set|RegExp)\b/, instead: 'a code, or Error.isError' },
  { pattern: /\bexport default\b/, instead: 'a named export' },
  { pattern: /\.removeAllListeners\(\)/, instead: 'the name of the event' },
  { pattern: /(?<![\w.])\/(root|home|work)\//, instead: 'a path relative to the repository' },
  { pattern: /registry\.npmjs\.org|proxy\.golang\.org/, instead: 'the ordinary client' },
  { pattern: /\b(describe|test|it)\.(only|skip)\(/, instead: 'a test that runs' },
];

/** File names without a noun. */
export const bannedNames = /(^|[-/])(utils?|helpers?|common|misc|index)(\.test)?\.ts$/;

export const blobBytesMax = 512 * 1024;
