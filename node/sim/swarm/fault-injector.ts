/**
 * Breaks a simulated cluster while a seed runs: draws a fault of the kinds that are on, a victim,
 * a duration, and undoes it when its time is over. `heal` makes everything whole.
 *
 * Invariant: every fault ends by itself or in `heal`; after it no fault is begun.
 */
import { isDynakvError } from '../../lib/errors.ts';
import type { Prng } from '../../lib/prng.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';
import type { SimNetworkOptions } from '../network.ts';
import type { StepChecks } from '../invariants/step-checks.ts';
import type { EventLog } from './event-log.ts';
import { StoreFaults, storeKinds } from './store-faults.ts';
import type { FaultKind, SwarmOptions } from './swarm-options.ts';

const dayMs = 86_400_000;
/** Longest one-way delay of the kind `delay`: beyond an election timeout. */
const delayMaxMs = 1_500;
const flapMaxMs = 400;
/** Before a process that could not start is started again. */
const restartMs = 1_000;
const cutKinds: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'partition',
  'isolate',
  'oneWay',
  'pair',
  'flap',
]);
const frameKinds: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'loss',
  'duplicate',
  'reorder',
  'delay',
]);

export interface FaultParts {
  readonly cluster: SimCluster;
  readonly checks: StepChecks;
  readonly options: SwarmOptions;
  readonly random: Prng;
  readonly log: EventLog;
}

export class FaultInjector {
  readonly #cluster: SimCluster;
  readonly #options: SwarmOptions;
  readonly #random: Prng;
  readonly #log: EventLog;
  readonly #quiet: Required<SimNetworkOptions>;
  /** How to end what is going on, by what it occupies. */
  readonly #active = new Map<string, () => void>();
  #running = false;
  /** Nodes that faults may meet: those that have run, and not left. */
  readonly #victims: Set<NodeId>;
  /** Nodes that the cluster removed: nobody starts them. */
  readonly retired = new Set<NodeId>();
  /** Nodes that would not start, and why. */
  readonly refusals: { readonly nodeId: NodeId; readonly error: unknown }[] = [];
  /** Faults begun, by kind. */
  readonly counts = new Map<FaultKind, number>();

  readonly stores: StoreFaults;

  constructor({ cluster, options, random, log, checks }: FaultParts) {
    this.#cluster = cluster;
    this.#options = options;
    this.#random = random;
    this.#log = log;
    this.#quiet = cluster.network.options;
    this.#victims = new Set(cluster.nodeIds);
    this.stores = new StoreFaults({
      ...{ cluster, random, log, checks },
      // While copies come and go, a group may have as few as three.
      lossesMax:
        options.churn === undefined
          ? (Math.min(options.replicationFactor, options.nodes) - 1) >> 1
          : 1,
      isRetired: (nodeId) => this.retired.has(nodeId),
      restart: (nodeId, downMs) => {
        this.#active.delete(`node ${nodeId}`);
        this.#down(nodeId, false, downMs);
      },
    });
  }

  start(): void {
    this.#running = true;
    if (this.#options.faults.length > 0) {
      this.#next();
    }
  }

  /** Ends every fault; nodes that are down start. */
  heal(): void {
    this.#running = false;
    this.#log.note(0, 'heal');
    for (const end of [...this.#active.values()]) {
      end();
    }
  }

  /** A machine that ran for the first time: faults may meet it from now on. */
  welcome(nodeId: NodeId): void {
    this.#victims.add(nodeId);
  }

  /** The node dies for a while; false: it is down, or something else goes on there. */
  takeDown(nodeId: NodeId, power: boolean, durationMs: number): boolean {
    const isFree = this.#running && !this.#active.has(`node ${nodeId}`);
    if (!isFree || !this.#victims.has(nodeId) || this.#cluster.core(nodeId) === undefined) {
      return false;
    }
    this.#down(nodeId, power, durationMs);
    return true;
  }

  /** The cluster removed the node: its process ends, and nobody starts it any more. */
  retire(nodeId: NodeId): void {
    this.retired.add(nodeId);
    this.#victims.delete(nodeId);
    this.#active.get(`node ${nodeId}`)?.();
    this.#cluster.crash(nodeId, false);
  }

  #next(): void {
    this.#cluster.scheduler.after(this.#random.below(2 * this.#options.faultGapMs), () => {
      if (this.#running) {
        this.#begin(this.#random.pick(this.#options.faults));
        this.#next();
      }
    });
  }

  /** `occupies` is free until the fault ends: by itself after `durationMs`, or in `heal`. */
  #occupy(occupies: string, durationMs: number, end: () => void): void {
    const finish = (): void => {
      if (this.#active.get(occupies) === finish) {
        this.#active.delete(occupies);
        timer.cancel();
        end();
      }
    };
    const timer = this.#cluster.scheduler.after(durationMs, finish);
    this.#active.set(occupies, finish);
  }

  #begin(kind: FaultKind): void {
    const { scheduler } = this.#cluster;
    const durationMs = 1 + this.#random.below(this.#options.faultMaxMs);
    const victim = this.#random.pick([...this.#victims]);
    const occupies = this.#occupied(kind, victim);
    const isUp = this.#cluster.core(victim) !== undefined;
    if (storeKinds.has(kind) && (!this.stores.maySpare(victim) || !isUp)) {
      return;
    }
    if (this.#active.has(occupies) || (!isUp && occupies === `node ${victim}`)) {
      return;
    }
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    if (storeKinds.has(kind)) {
      const busyMs = this.stores.begin(kind, victim);
      if (busyMs > 0 && !this.#active.has(occupies)) {
        this.#occupy(occupies, busyMs, () => undefined);
      }
      return;
    }
    const untilMs = (scheduler.nowMs + durationMs).toFixed(0);
    if (cutKinds.has(kind)) {
      this.#cut(kind, victim, durationMs);
    } else if (frameKinds.has(kind)) {
      this.#disturbFrames(kind, durationMs);
    } else {
      this.#log.note(kind === 'blackout' ? 0 : victim, kind, `until ${untilMs}`);
      this.#disturbNode(kind, victim, occupies, durationMs);
    }
  }

  #occupied(kind: FaultKind, victim: NodeId): string {
    if (cutKinds.has(kind)) {
      return 'links';
    }
    if (frameKinds.has(kind)) {
      return kind;
    }
    const isDisk = kind === 'slowDisk' || kind === 'noSpace' || kind === 'engineStall';
    return isDisk ? `${kind} ${victim}` : `node ${victim}`;
  }

  #disturbNode(kind: FaultKind, victim: NodeId, occupies: string, durationMs: number): void {
    const cluster = this.#cluster;
    switch (kind) {
      case 'crash':
      case 'power':
        this.#down(victim, kind === 'power', durationMs);
        return;
      case 'blackout':
        for (const nodeId of this.#victims) {
          // Those that are down already stay down as long as was planned.
          if (cluster.core(nodeId) !== undefined && !this.stores.isRotting(nodeId)) {
            this.#active.delete(`node ${nodeId}`);
            this.#down(nodeId, true, 1 + this.#random.below(this.#options.faultMaxMs));
          }
        }
        return;
      case 'pause': {
        const time = cluster.time(victim);
        time.pause();
        this.#occupy(occupies, durationMs, () => {
          time.resume();
        });
        return;
      }
      case 'clock':
        cluster.time(victim).setWallSkew(this.#random.below(2 * dayMs) - dayMs);
        return;
      case 'slowDisk':
        cluster.diskSlowness.set(victim, 5 + this.#random.below(200));
        this.#occupy(occupies, durationMs, () => {
          cluster.diskSlowness.delete(victim);
        });
        return;
      case 'noSpace':
        cluster.disk(victim).capacityBytes = 0;
        this.#occupy(occupies, durationMs, () => {
          cluster.disk(victim).capacityBytes = Infinity;
        });
        return;
      case 'engineStall': {
        const engine = cluster.engine(victim);
        engine.setHealth({ stalled: true });
        this.#occupy(occupies, durationMs, () => {
          engine.setHealth({ stalled: false });
        });
        return;
      }
      case 'reset':
        for (const nodeId of this.#victims) {
          cluster.network.resetConnection(victim, nodeId);
        }
        return;
      default:
        return;
    }
  }

  #down(nodeId: NodeId, power: boolean, durationMs: number): void {
    this.#cluster.crash(nodeId, power);
    this.#occupy(`node ${nodeId}`, durationMs, () => {
      this.bring(nodeId);
    });
  }

  /** A full disk is no reason to stay away: whoever runs the process starts it again. */
  bring(nodeId: NodeId): void {
    if (this.retired.has(nodeId)) {
      return;
    }
    this.#log.note(nodeId, 'boot');
    this.#cluster.bootSoon(nodeId, (error) => {
      if (!isDynakvError(error, 'NoSpace')) {
        if (!this.stores.refused(nodeId, error)) {
          this.refusals.push({ nodeId, error });
        }
        return;
      }
      this.#log.note(nodeId, 'no room', 'would not start');
      this.#cluster.crash(nodeId, false);
      const again = (): void => {
        this.bring(nodeId);
      };
      this.#cluster.scheduler.after(restartMs, () => {
        if (this.#running && !this.#active.has(`node ${nodeId}`)) {
          this.#occupy(`node ${nodeId}`, 1, again);
        } else if (!this.#running) {
          again();
        }
      });
    });
  }

  #cut(kind: FaultKind, victim: NodeId, durationMs: number): void {
    const { network } = this.#cluster;
    const nodeIds = [...this.#victims];
    const others = nodeIds.filter((nodeId) => nodeId !== victim);
    const peer = this.#random.pick(others);
    const side = nodeIds.filter(() => this.#random.chance(0.5));
    const rest = nodeIds.filter((nodeId) => !side.includes(nodeId));
    switch (kind) {
      case 'partition':
        network.partition(side, rest);
        break;
      case 'isolate':
        network.partition([victim], others);
        break;
      case 'oneWay':
        network.cutOneWay(victim, peer);
        break;
      default:
        network.cut(victim, peer);
    }
    const what = kind === 'partition' ? `{${side.join()}} {${rest.join()}}` : `with n${peer}`;
    this.#log.note(kind === 'partition' ? 0 : victim, kind, what);
    const flapping = { on: kind === 'flap' };
    if (flapping.on) {
      this.#flap(victim, peer, flapping, true);
    }
    this.#occupy('links', durationMs, () => {
      flapping.on = false;
      network.heal();
    });
  }

  #flap(one: NodeId, other: NodeId, flapping: { on: boolean }, isCut: boolean): void {
    const { network, scheduler } = this.#cluster;
    scheduler.after(this.#random.below(flapMaxMs), () => {
      if (flapping.on) {
        if (isCut) {
          network.healPair(one, other);
        } else {
          network.cut(one, other);
        }
        this.#flap(one, other, flapping, !isCut);
      }
    });
  }

  #disturbFrames(kind: FaultKind, durationMs: number): void {
    const { network } = this.#cluster;
    const chance = this.#random.pick([0.01, 0.05, 0.2]);
    const change: SimNetworkOptions =
      kind === 'loss'
        ? { dropChance: chance }
        : kind === 'duplicate'
          ? { duplicateChance: chance }
          : kind === 'reorder'
            ? { reorderChance: chance, reorderMaxMs: this.#random.pick([10, 100, 800]) }
            : { delayMaxMs: this.#random.below(delayMaxMs) + this.#quiet.delayMaxMs };
    this.#log.note(0, kind, JSON.stringify(change));
    network.options = { ...network.options, ...change };
    this.#occupy(kind, durationMs, () => {
      const calm = Object.keys(change).map((key) => [
        key,
        this.#quiet[key as keyof SimNetworkOptions],
      ]);
      network.options = { ...network.options, ...(Object.fromEntries(calm) as SimNetworkOptions) };
    });
  }
}
