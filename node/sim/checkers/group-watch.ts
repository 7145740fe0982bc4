/**
 * What must hold of every Raft group of a simulated cluster at any moment: one leader a term
 * (election safety), one entry at an index (state machine safety), commit indexes that never go
 * back, a durable vote that is never another one later in its term, terms on disk that never fall,
 * and no replica that stopped by itself. Looks every few simulated milliseconds and at every entry
 * that a replica applies.
 *
 * Invariant: it only looks; a run with it takes the same course as one without.
 */
import type { Group } from '../../host/group.ts';
import { assert } from '../../lib/assert.ts';
import { crc32 } from '../../lib/crc32.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';

const lookPeriodMs = 10;

interface Promised {
  term: number;
  vote: number;
}

export class GroupWatch {
  readonly #cluster: SimCluster;
  /** By group and term. */
  readonly #leaders = new Map<string, NodeId>();
  /** By group and index: what was applied anywhere. */
  readonly #chosen = new Map<string, string>();
  /** By group and replica, over all lives: what its disk said last. */
  readonly #promised = new Map<string, Promised>();
  /** Of this life of a replica. */
  readonly #commits = new WeakMap<Group, number>();
  #running = true;
  looks = 0;
  /** Nodes whose disk was put back to an older copy: they are known to have forgotten. */
  readonly excused = new Set<NodeId>();

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    this.#lookLater();
  }

  stop(): void {
    this.#running = false;
  }

  #lookLater(): void {
    this.#cluster.scheduler.after(lookPeriodMs, () => {
      if (this.#running) {
        this.look();
        this.#lookLater();
      }
    });
  }

  look(): void {
    this.looks += 1;
    for (const nodeId of this.#cluster.nodeIds) {
      const host = this.#cluster.core(nodeId)?.host;
      if (host !== undefined && host.failure === undefined) {
        for (const group of host.groups.values()) {
          this.#lookAt(nodeId, group);
        }
      }
    }
  }

  #lookAt(nodeId: NodeId, group: Group): void {
    const { groupId, replicaId, term, commitIndex, storage } = group;
    const where = `group ${groupId} on node ${nodeId}`;
    assert(group.stoppedBecause === undefined, `Stopped: ${where}: ${group.stoppedBecause ?? ''}`);
    if (group.isLeader) {
      const key = `${groupId}/${term}`;
      const leader = this.#leaders.get(key) ?? nodeId;
      assert(leader === nodeId, `Two leaders of group ${groupId} in term ${term}`);
      this.#leaders.set(key, leader);
    }
    const before = this.#commits.get(group);
    if (before === undefined) {
      this.#attach(group);
    }
    assert(commitIndex >= (before ?? 0), `The commit index went back: ${where}`);
    this.#commits.set(group, commitIndex);
    if (!this.excused.has(nodeId)) {
      this.#checkPromise(`${groupId}/${replicaId}`, where, storage.hardState);
    }
  }

  #checkPromise(key: string, where: string, { term, vote }: Promised): void {
    const last = this.#promised.get(key);
    if (last !== undefined) {
      assert(term >= last.term, `A term on disk was forgotten: ${where}`);
      const isKept = term > last.term || last.vote === 0 || vote === last.vote;
      assert(isKept, `A vote in term ${term} was forgotten: ${where}`);
    }
    this.#promised.set(key, { term, vote });
  }

  /** Listens to what the replica applies from now on. */
  #attach({ groupId, replica }: Group): void {
    const apply = replica.apply.bind(replica);
    replica.apply = (index, term, data, configuration) => {
      const key = `${groupId}/${index}`;
      const text = `${term}:${data.length}:${crc32(data)}`;
      const chosen = this.#chosen.get(key) ?? text;
      assert(chosen === text, `Two entries were applied at index ${index} of group ${groupId}`);
      this.#chosen.set(key, text);
      return apply(index, term, data, configuration);
    };
  }
}
