/**
 * The faults of a chaos run, drawn from a seed: what happens, to whom, for how long. A fault names
 * the things that it needs alone (a node's process, the links, a disk), so that faults of one turn
 * never undo each other.
 */
import type { Prng } from '../../lib/prng.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import type { LinkState } from './link-proxy.ts';
import { openLink } from './link-proxy.ts';

export interface Fault {
  readonly kind: FaultKind;
  /** For the log. */
  readonly text: string;
  readonly durationMs: number;
  readonly needs: readonly string[];
  /** Nodes whose processes are down between `begin` and `end`. */
  readonly down: readonly number[];
  /** Both may return a word on what came of it. */
  readonly begin: () => Promise<string | undefined>;
  readonly end: () => Promise<string | undefined>;
}

export const faultKinds = [
  'kill',
  'power',
  'pause',
  'stop',
  'cut',
  'slow',
  'client',
  'disk',
  'clock',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface FaultLimits {
  /** Those to draw from. Default: all. */
  readonly kinds?: readonly FaultKind[];
  /** Longest SIGSTOP. */
  readonly pauseMsMax: number;
  /** Longest of everything else. */
  readonly faultMsMax: number;
}

/** Time for an orderly stop; the product's own limit is 8 s. */
const stopMsMax = 30_000;
const yearMs = 365 * 24 * 3_600_000;

type Draw = (cluster: ChaosCluster, prng: Prng, limits: FaultLimits) => Fault;

const nothing = (): Promise<undefined> => Promise.resolve(undefined);

/** Between `least` and `most`, short ones as often as long ones by the factor. */
function drawMs(prng: Prng, least: number, most: number): number {
  const power = prng.uint32() / 2 ** 32;
  return Math.round(least * (Math.max(most, least) / least) ** power);
}

/** Mostly one node, at times a majority, at times all. */
function drawNodes(cluster: ChaosCluster, prng: Prng): readonly number[] {
  const left = [...cluster.nodes()];
  const count = prng.pick([1, 1, 1, 1, Math.ceil(left.length / 2), left.length]);
  return Array.from({ length: count }, () => left.splice(prng.below(left.length), 1)[0] ?? 1);
}

const processOf = (node: number): string => `process ${node}`;

const kill: Draw = (cluster, prng, limits) => {
  const nodes = drawNodes(cluster, prng);
  return {
    kind: 'kill',
    text: `SIGKILL to ${nodes.join(', ')}`,
    durationMs: drawMs(prng, 50, limits.faultMsMax),
    needs: nodes.map(processOf),
    down: nodes,
    begin: async () => {
      await cluster.processes.kill(nodes);
      return undefined;
    },
    end: () => {
      cluster.processes.restart(nodes);
      return nothing();
    },
  };
};

const power: Draw = (cluster, prng, limits) => {
  const killed = kill(cluster, prng, limits);
  const nodes = killed.down;
  const seed = prng.uint32();
  return {
    ...killed,
    kind: 'power',
    text: `power loss of ${nodes.join(', ')}`,
    begin: async () => {
      await cluster.processes.kill(nodes);
      const losses = nodes.map((node) => {
        const { writes, sectors, names, walBytes } = cluster.losePower(node, seed + node);
        return `${node}: ${sectors} sectors of ${writes} writes, ${names} names, ${walBytes} of WAL`;
      });
      return `lost on ${losses.join('; on ')}`;
    },
  };
};

const pause: Draw = (cluster, prng, limits) => {
  const node = prng.pick(cluster.nodes());
  let pid = 0;
  return {
    kind: 'pause',
    text: `SIGSTOP of ${node}`,
    durationMs: drawMs(prng, 1_000, limits.pauseMsMax),
    needs: [processOf(node)],
    down: [],
    begin: () => {
      pid = cluster.processes.pause(node);
      return nothing();
    },
    end: () => {
      cluster.processes.resume(pid);
      return nothing();
    },
  };
};

const stop: Draw = (cluster, prng, limits) => {
  const node = prng.pick(cluster.nodes());
  return {
    kind: 'stop',
    text: `orderly stop of ${node}`,
    durationMs: drawMs(prng, 100, limits.faultMsMax),
    needs: [processOf(node)],
    down: [node],
    begin: async () => {
      const code = await cluster.processes.stopNode(node, stopMsMax);
      if (code !== 0) {
        throw new Error(`Cannot stop node ${node} in order: it ended with code ${String(code)}`);
      }
      return undefined;
    },
    end: () => {
      cluster.processes.restart([node]);
      return nothing();
    },
  };
};

/** What `from` says does not reach `to`, whoever dialled. */
type Lost = readonly (readonly [from: number, to: number])[];

const cutShapes: readonly ((
  prng: Prng,
  nodes: readonly number[],
) => { readonly name: string; readonly lost: Lost })[] = [
  (prng, nodes) => {
    const node = prng.pick(nodes);
    const lost = nodes.flatMap((other) =>
      other === node ? [] : [[node, other] as const, [other, node] as const],
    );
    return { name: `node ${node} alone`, lost };
  },
  (prng, nodes) => {
    const from = prng.pick(nodes);
    const to = prng.pick(nodes.filter((each) => each !== from));
    return { name: `${from} to ${to}, one way`, lost: [[from, to]] };
  },
  (prng, nodes) => {
    const node = prng.pick(nodes);
    const lost = nodes.filter((each) => each !== node).map((other) => [other, node] as const);
    return { name: `node ${node} hears nobody`, lost };
  },
  (prng, nodes) => {
    const a = prng.pick(nodes);
    const b = prng.pick(nodes.filter((each) => each !== a));
    return { name: `between ${a} and ${b}`, lost: [[a, b] as const, [b, a] as const] };
  },
  (_prng, nodes) => {
    const lost = nodes.flatMap((a) => nodes.filter((b) => b !== a).map((b) => [a, b] as const));
    return { name: 'every link', lost };
  },
];

const cut: Draw = (cluster, prng, limits) => {
  const nodes = cluster.nodes();
  const { name, lost } = prng.pick(cutShapes)(prng, nodes);
  // A reset is noticed at once; silence only by its length.
  const isSilent = lost.length === 1 || prng.chance(0.5);
  return {
    kind: 'cut',
    text: `${isSilent ? 'silence' : 'cut'}: ${name}`,
    durationMs: drawMs(prng, 200, limits.faultMsMax),
    needs: ['links'],
    down: [],
    begin: () => {
      const states = new Map<string, LinkState>();
      const change = (dialler: number, listener: number, part: Partial<LinkState>): void => {
        const name = `${dialler}-${listener}`;
        states.set(name, { ...(states.get(name) ?? openLink), ...part });
      };
      for (const [from, to] of lost) {
        change(from, to, isSilent ? { silentThere: true } : { cut: true });
        change(to, from, isSilent ? { silentBack: true } : { cut: true });
      }
      for (const [link, state] of states) {
        const [dialler = 0, listener = 0] = link.split('-').map(Number);
        cluster.setLink(dialler, listener, state);
      }
      return nothing();
    },
    end: () => {
      openAllLinks(cluster);
      return nothing();
    },
  };
};

function openAllLinks(cluster: ChaosCluster): void {
  for (const from of cluster.nodes()) {
    for (const to of cluster.nodes().filter((each) => each !== from)) {
      cluster.setLink(from, to, openLink);
    }
  }
}

const slow: Draw = (cluster, prng, limits) => {
  const node = prng.chance(0.3) ? undefined : prng.pick(cluster.nodes());
  const delayMs = drawMs(prng, 2, 400);
  const bytesPerSecond = prng.pick([Infinity, Infinity, 20_000, 200_000]);
  const rate = bytesPerSecond === Infinity ? '' : `, ${bytesPerSecond} bytes a second`;
  return {
    kind: 'slow',
    text: `links of ${node ?? 'all'} slow: ${delayMs} ms each way${rate}`,
    durationMs: drawMs(prng, 1_000, limits.faultMsMax),
    needs: ['links'],
    down: [],
    begin: () => {
      for (const from of cluster.nodes()) {
        for (const to of cluster.nodes().filter((each) => each !== from)) {
          if (node === undefined || node === from || node === to) {
            cluster.setLink(from, to, { ...openLink, delayMs, bytesPerSecond });
          }
        }
      }
      return nothing();
    },
    end: () => {
      openAllLinks(cluster);
      return nothing();
    },
  };
};

const client: Draw = (cluster, prng, limits) => {
  const node = prng.pick(cluster.nodes());
  const [name, change] = prng.pick<readonly [string, Partial<LinkState>]>([
    ['cut', { cut: true }],
    ['without answers', { silentBack: true }],
    ['slow', { delayMs: drawMs(prng, 5, 500) }],
  ]);
  return {
    kind: 'client',
    text: `clients of ${node}: ${name}`,
    durationMs: drawMs(prng, 200, limits.faultMsMax),
    needs: [`clients ${node}`],
    down: [],
    begin: () => {
      cluster.setClientLink(node, { ...openLink, ...change });
      return nothing();
    },
    end: () => {
      cluster.setClientLink(node, openLink);
      return nothing();
    },
  };
};

const disk: Draw = (cluster, prng, limits) => {
  const node = prng.pick(cluster.nodes());
  return {
    kind: 'disk',
    text: `disk of ${node} full${cluster.hasSmallDisks ? '' : ' (told so)'}`,
    durationMs: drawMs(prng, 2_000, limits.faultMsMax),
    needs: [`disk ${node}`],
    down: [],
    begin: () => {
      cluster.fillDisk(node);
      return nothing();
    },
    end: () => {
      cluster.freeDisk(node);
      return nothing();
    },
  };
};

const clock: Draw = (cluster, prng, limits) => {
  const node = prng.pick(cluster.nodes());
  const offsetMs = drawMs(prng, 1_000, 10 * yearMs) * prng.pick([1, -1]);
  return {
    kind: 'clock',
    text: `wall clock of ${node} off by ${(offsetMs / 1000).toFixed(0)} s`,
    durationMs: drawMs(prng, 500, limits.faultMsMax),
    needs: [`clock ${node}`],
    down: [],
    begin: () => {
      cluster.setWallOffset(node, offsetMs);
      return nothing();
    },
    end: () => {
      cluster.setWallOffset(node, 0);
      return nothing();
    },
  };
};

const draws: Readonly<Record<FaultKind, Draw>> = {
  kill,
  power,
  pause,
  stop,
  cut,
  slow,
  client,
  disk,
  clock,
};

/** The faults of one turn: one to three, none of which needs what another has. */
export function drawFaults(
  cluster: ChaosCluster,
  prng: Prng,
  limits: FaultLimits,
): readonly Fault[] {
  const count = prng.pick([1, 1, 1, 2, 2, 3]);
  const kinds = limits.kinds ?? faultKinds;
  const faults: Fault[] = [];
  const taken = new Set<string>();
  for (let left = count; left > 0; left--) {
    const fault = draws[prng.pick(kinds)](cluster, prng, limits);
    if (!fault.needs.some((each) => taken.has(each))) {
      faults.push(fault);
      for (const each of fault.needs) {
        taken.add(each);
      }
    }
  }
  return faults;
}
