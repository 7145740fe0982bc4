/**
 * One planned change of leader (design §3.3): admission stops, work in flight commits, then the
 * core transfers. Driven by whoever wants it, a `step` every few milliseconds. If the target does
 * not take over in time the group is open again: a transfer loses nothing, at worst it fails.
 */
import type { ReplicaId } from '../raft/messages.ts';
import type { Group } from './group.ts';
import type { Host } from './host.ts';

/** Waiting for work in flight to commit. */
const drainMsMax = 1_000;
/** Waiting for the target, once asked; the core gives up after its election timeout. */
const takeOverMsMax = 2_000;

export type TransferState = 'draining' | 'asked' | 'done' | 'failed';

export class Transfer {
  readonly group: Group;
  readonly #host: Host;
  readonly #target: ReplicaId;
  readonly #term: number;
  #state: TransferState = 'draining';
  #sinceMs: number;

  constructor(host: Host, group: Group, target: ReplicaId) {
    this.#host = host;
    this.group = group;
    this.#target = target;
    this.#term = group.term;
    this.#sinceMs = host.parts.clock.monotonicMs();
    group.transferring = true;
    group.wake();
  }

  /** Moves on if it can; the state reached. */
  step(): TransferState {
    const { group } = this;
    if (this.#state === 'done' || this.#state === 'failed') {
      return this.#state;
    }
    if (!group.isLeader || group.term !== this.#term || group.stoppedBecause !== undefined) {
      return this.#end('done');
    }
    const waitedMs = this.#host.parts.clock.monotonicMs() - this.#sinceMs;
    if (this.#state === 'draining') {
      if (group.settlement.count === 0) {
        this.#state = 'asked';
        this.#sinceMs += waitedMs;
        group.raw.transferLeader(this.#target);
        this.#host.dirty(group);
      } else if (waitedMs > drainMsMax) {
        return this.#end('failed');
      }
    } else if (waitedMs > takeOverMsMax) {
      return this.#end('failed');
    }
    return this.#state;
  }

  #end(state: 'done' | 'failed'): TransferState {
    this.#state = state;
    this.group.transferring = false;
    return state;
  }
}

/**
 * The live voter that is furthest, other than this replica, and not about to stop: it would hand
 * the leadership on at once, or die with it. Undefined if there is none.
 */
export function transferTarget(
  host: Host,
  group: Group,
  wanted: (replicaId: ReplicaId) => boolean = () => true,
): ReplicaId | undefined {
  let best: { readonly id: ReplicaId; readonly match: number } | undefined;
  for (const { id, match, isLearner, recentActive } of group.raw.raft.tracker.members) {
    const nodeId = group.nodes.get(id);
    const fit =
      id !== group.replicaId &&
      !isLearner &&
      recentActive &&
      wanted(id) &&
      nodeId !== undefined &&
      host.liveness.isLive(nodeId) &&
      !host.liveness.isStopping(nodeId);
    if (fit && (best === undefined || match > best.match)) {
      best = { id, match };
    }
  }
  return best?.id;
}
