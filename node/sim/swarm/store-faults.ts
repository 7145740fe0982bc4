/**
 * Faults that may cost a node its store: I/O errors, rot at rest, an engine that fails, a disk that
 * comes back as it was. A node that lost its store never serves again; its cluster must go on
 * without it. So there are never more of them than every group can spare.
 *
 * Invariant: a node fails or refuses to start only if one of these faults was meant for it; any
 * other failure is a bug of the product.
 */
import { assert } from '../../lib/assert.ts';
import type { Prng } from '../../lib/prng.ts';
import { messageOf } from '../../lib/errors.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';
import type { StepChecks } from '../invariants/step-checks.ts';
import type { EventLog } from './event-log.ts';
import type { FaultKind } from './swarm-options.ts';

export const storeKinds: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'diskError',
  'engineError',
  'bitRot',
  'oldDisk',
]);

/** Rot is seen for sure once the log says that what lies behind it was durable. */
const rotRestMs = 4_000;
const bitsPerByte = 8;
/** The rest hits the small files beside the segments. */
const segmentChance = 0.8;

export interface StoreFaultParts {
  readonly cluster: SimCluster;
  readonly random: Prng;
  readonly log: EventLog;
  readonly checks: StepChecks;
  /** Nodes that the cluster can do without for ever. */
  readonly lossesMax: number;
  /** The cluster removed the node. */
  readonly isRetired: (nodeId: NodeId) => boolean;
  /** The process ends now and starts again after so many ms. */
  readonly restart: (nodeId: NodeId, downMs: number) => void;
}

export class StoreFaults {
  readonly #parts: StoreFaultParts;
  /** Nodes that such a fault was meant for. */
  readonly #meant = new Set<NodeId>();
  /** Nodes whose store is gone, and why. */
  readonly lost = new Map<NodeId, string>();
  /** Faults begun that have an act to come. */
  #underWay = 0;
  /** A node failed, and none of these faults was meant for it. */
  unexpected: string | undefined;

  constructor(parts: StoreFaultParts) {
    this.#parts = parts;
    parts.cluster.onFailed = (nodeId, error) => {
      this.failed(nodeId, error);
    };
  }

  /** No fault has an act to come: what is made whole stays whole. */
  get isOver(): boolean {
    return this.#underWay === 0;
  }

  /** The later act of a fault that has begun. */
  #later(delayMs: number, act: () => void): void {
    this.#underWay += 1;
    this.#parts.cluster.scheduler.after(delayMs, () => {
      this.#underWay -= 1;
      act();
    });
  }

  /** Rot that no crash may meet before it is old. */
  isRotting(nodeId: NodeId): boolean {
    return this.#meant.has(nodeId);
  }

  /** Whether one more node may be lost; a node is meant only once. */
  maySpare(nodeId: NodeId): boolean {
    return this.#meant.size < this.#parts.lossesMax && !this.#meant.has(nodeId);
  }

  /** The node's machine is gone with its disk; only if the node may be spared. */
  give(nodeId: NodeId): void {
    assert(this.maySpare(nodeId), 'One loss more than the cluster can bear');
    this.#meant.add(nodeId);
    this.lose(nodeId, 'its machine is gone');
  }

  /** How long the node stays busy with it, ms. */
  begin(kind: FaultKind, victim: NodeId): number {
    const { cluster, random, log, restart } = this.#parts;
    this.#meant.add(victim);
    switch (kind) {
      case 'diskError': {
        const operation = random.pick(['write', 'datasync', 'datasync', 'read']);
        cluster.disk(victim).failNext('EIO', (one) => one.kind === operation);
        log.note(victim, kind, operation);
        if (operation === 'read') {
          restart(victim, 1 + random.below(rotRestMs)); // A log is read when it is opened.
        }
        return 0;
      }
      case 'engineError': {
        const engine = cluster.engine(victim);
        const how = random.pick(['write', 'sync', 'background']);
        if (how === 'write') {
          engine.failNextWrite();
        } else if (how === 'sync') {
          engine.failNextSync();
        } else {
          engine.setHealth({ backgroundErrors: 1 });
        }
        log.note(victim, kind, how);
        return 0;
      }
      case 'bitRot':
        return this.#rot(victim);
      default:
        return this.#goBack(victim);
    }
  }

  #rot(victim: NodeId): number {
    const { cluster, random, log, restart } = this.#parts;
    const disk = cluster.disk(victim);
    const segments = disk.paths.filter((one) => one.endsWith('.log'));
    const path = random.pick(random.chance(segmentChance) ? segments : disk.paths);
    // Behind the last byte that was written there is nothing to damage.
    const length = disk.contents(path).findLastIndex((byte) => byte !== 0) + 1;
    if (length > 0) {
      const position = random.below(length);
      disk.flipBit(path, position, random.below(bitsPerByte));
      log.note(victim, 'bitRot', `${path} at ${position} of ${length}`);
    }
    const busyMs = rotRestMs + random.below(rotRestMs);
    this.#later(busyMs, () => {
      if (cluster.core(victim) !== undefined) {
        restart(victim, 1 + random.below(rotRestMs));
      }
    });
    return 2 * busyMs;
  }

  /** The disks come back as they were a boot ago, once every peer has seen the boot between. */
  #goBack(victim: NodeId): number {
    const { cluster, random, log, restart, checks, isRetired } = this.#parts;
    log.note(victim, 'oldDisk', 'copied');
    restart(victim, 1);
    const images = cluster.copyStores(victim);
    const busyMs = rotRestMs + random.below(rotRestMs);
    this.#later(busyMs, () => {
      const isKnown = cluster.nodeIds.every(
        (nodeId) =>
          nodeId === victim ||
          this.lost.has(nodeId) ||
          (isRetired(nodeId) && cluster.core(nodeId) === undefined) ||
          cluster.knowsBootOf(nodeId, victim),
      );
      if (cluster.core(victim) === undefined || !isKnown || isRetired(victim)) {
        log.note(victim, 'oldDisk', 'not put back');
        return;
      }
      checks.excuse(victim);
      this.lose(victim, 'its disk is an old copy');
      cluster.crash(victim, false);
      cluster.putStoresBack(victim, images);
      cluster.bootSoon(victim, (error) => {
        log.note(victim, 'oldDisk', `would not start: ${messageOf(error)}`);
        cluster.crash(victim, false);
      });
    });
    return 2 * busyMs;
  }

  /** The node says that its store failed; its process ends. */
  failed(nodeId: NodeId, error: unknown): void {
    const { cluster } = this.#parts;
    if (!this.#meant.has(nodeId)) {
      this.unexpected ??= `Node ${nodeId} failed: ${messageOf(error)}`;
      return;
    }
    this.lose(nodeId, messageOf(error));
    cluster.scheduler.after(0, () => {
      cluster.crash(nodeId, false);
    });
  }

  /** A node would not start. Whether that was to be. */
  refused(nodeId: NodeId, error: unknown): boolean {
    if (!this.#meant.has(nodeId)) {
      return false;
    }
    this.lose(nodeId, messageOf(error));
    this.#parts.cluster.crash(nodeId, false);
    return true;
  }

  lose(nodeId: NodeId, why: string): void {
    if (!this.lost.has(nodeId)) {
      this.lost.set(nodeId, why);
      this.#parts.log.note(nodeId, 'lost', why);
    }
  }
}
