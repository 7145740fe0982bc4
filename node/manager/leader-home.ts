/**
 * Brings leaderships home: each group has a preferred leader (the placement spreads them), which
 * campaigns first when nobody leads at start, and gets the leadership back by transfer once it has
 * been live and caught up for a while. Balance only; correctness never depends on it.
 */
import type { Group } from '../host/group.ts';
import type { Host } from '../host/host.ts';
import { Transfer, transferTarget } from '../host/transfer.ts';
import type { Timer } from '../sys/clock.ts';
import type { NodeId } from '../sys/network.ts';
import type { Catalog } from './catalog.ts';
import { mayLead } from './catalog-records.ts';

/** Between steps while transfers run and in the first seconds … */
const stepFastMs = 20;
/** … and at other times. */
const stepSlowMs = 250;
const startMs = 10_000;
/** After the start, a preferred leader campaigns for a leaderless group this often. */
const campaignPeriodMs = 500;
/** Between looks for leaderships to bring home. */
const lookPeriodMs = 1_000;
/** A preferred leader must have been live in so many looks in a row. */
const liveLooksMin = 5;
/** A group stays this many looks where it is: a node that hands over must not get it back. */
const ledLooksMin = 3;
/** Entries that the preferred leader may be behind. */
const behindEntriesMax = 100;
/** Transfers at a time. */
const transfersMax = 2;

export class LeaderHome {
  readonly #host: Host;
  readonly #catalog: Catalog;
  readonly #timers: Timer[] = [];
  readonly #campaigned = new Map<Group, number>();
  readonly #liveLooks = new Map<NodeId, number>();
  /** Looks in a row that found the group led here, in one term. */
  readonly #ledLooks = new Map<Group, { readonly term: number; looks: number }>();
  #transfers: Transfer[] = [];
  #startedMs = 0;
  #stopped = false;

  constructor(host: Host, catalog: Catalog) {
    this.#host = host;
    this.#catalog = catalog;
  }

  start(): void {
    const { timers } = this.#host.parts;
    this.#startedMs = this.#host.parts.clock.monotonicMs();
    this.#timers.push(
      timers.every(lookPeriodMs, () => {
        this.#look();
      }),
    );
    this.#stepLater();
  }

  #stepLater(): void {
    const { clock, timers } = this.#host.parts;
    const isYoung = clock.monotonicMs() - this.#startedMs < startMs;
    const waitMs = isYoung || this.#transfers.length > 0 ? stepFastMs : stepSlowMs;
    timers.after(waitMs, () => {
      if (!this.#stopped) {
        this.#step();
        this.#stepLater();
      }
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) {
      timer.cancel();
    }
  }

  /** The replica left this node. */
  forget(group: Group): void {
    this.#campaigned.delete(group);
    this.#ledLooks.delete(group);
  }

  #preferred(group: Group): NodeId | undefined {
    return this.#catalog.groups.get(group.groupId)?.preferredLeader;
  }

  #step(): void {
    this.#transfers = this.#transfers.filter((transfer) => {
      const state = transfer.step();
      return state === 'draining' || state === 'asked';
    });
    for (const group of this.#host.groups.values()) {
      const isHome = this.#preferred(group) === this.#host.nodeId;
      if (group.leader === 0 && isHome && mayLead(this.#catalog.nodes.get(this.#host.nodeId))) {
        this.#campaign(group);
      }
    }
  }

  #campaign(group: Group): void {
    const nowMs = this.#host.parts.clock.monotonicMs();
    const lastMs = this.#campaigned.get(group) ?? -Infinity;
    if (nowMs - lastMs < campaignPeriodMs || group.stoppedBecause !== undefined) {
      return;
    }
    const { voters } = group.replica.confState;
    const live = voters.filter((replicaId) => {
      const nodeId = group.nodes.get(replicaId);
      return nodeId === this.#host.nodeId || (nodeId !== undefined && this.#isLive(nodeId));
    });
    if (live.length * 2 > voters.length) {
      this.#campaigned.set(group, nowMs);
      group.wake();
      group.raw.campaign();
      this.#host.dirty(group);
    }
  }

  #isLive(nodeId: NodeId): boolean {
    return this.#host.liveness.isLive(nodeId);
  }

  /** Groups whose copies are being changed: whoever does that hands over when nothing is copied. */
  #moving(): ReadonlySet<number> {
    const moves = [...this.#catalog.moves.values()];
    return new Set(moves.filter((move) => move.startedAtMs > 0).map(({ groupId }) => groupId));
  }

  /** A member whose node answers gets the group's state from here. */
  #isSendingState(group: Group): boolean {
    return [...group.raw.raft.tracker.members].some(({ id, state }) => {
      const nodeId = group.nodes.get(id);
      return state === 'snapshot' && nodeId !== undefined && this.#isLive(nodeId);
    });
  }

  #countLed(group: Group): number {
    const term = group.openTerm;
    const led = this.#ledLooks.get(group);
    if (led?.term === term) {
      led.looks += 1;
      return led.looks;
    }
    this.#ledLooks.set(group, { term, looks: 0 });
    return 0;
  }

  #look(): void {
    for (const nodeId of this.#catalog.nodes.keys()) {
      const looks = this.#isLive(nodeId) ? (this.#liveLooks.get(nodeId) ?? 0) + 1 : 0;
      this.#liveLooks.set(nodeId, looks);
    }
    const moving = this.#moving();
    for (const group of this.#host.groups.values()) {
      const settled = this.#countLed(group) >= ledLooksMin;
      const home = this.#preferred(group);
      if (home === undefined || home === this.#host.nodeId || group.openTerm === 0) {
        continue;
      }
      if (!mayLead(this.#catalog.nodes.get(home))) {
        continue;
      }
      if (this.#transfers.length >= transfersMax || !settled) {
        continue;
      }
      if (group.transferring || (this.#liveLooks.get(home) ?? 0) < liveLooksMin) {
        continue;
      }
      if (moving.has(group.groupId) || this.#isSendingState(group)) {
        continue; // Another leader would begin a stream anew; a move hands over later by itself.
      }
      const target = transferTarget(
        this.#host,
        group,
        (replicaId) => group.nodes.get(replicaId) === home,
      );
      const match = target === undefined ? 0 : (group.raw.raft.tracker.get(target)?.match ?? 0);
      if (target !== undefined && match + behindEntriesMax >= group.lastIndex) {
        this.#transfers.push(new Transfer(this.#host, group, target));
      }
    }
  }
}
