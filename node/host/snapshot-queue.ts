/**
 * Which snapshot goes next, as data: by priority (repair before balance), then in turn, so that one
 * group that fails again and again holds up no other. A follower that failed waits by itself; a
 * node that refused (it takes another one, its disk is full) makes all that is meant for it wait.
 *
 * Invariant: an entry that waits is picked at most once per wait; there is no hot loop.
 */
import { backoffMs } from '../lib/backoff.ts';
import type { NodeId } from '../sys/network.ts';

/** After a stream that broke or failed. */
const failedBackoff = { baseMs: 200, maxMs: 5_000 };
/** A node that takes another snapshot: these may be short, and its turn should not be missed. */
const busyBackoff = { baseMs: 50, maxMs: 500 };
/** A node that lacks space. */
const fullBackoff = { baseMs: 5_000, maxMs: 30_000 };

export type QueueDelay = 'failed' | 'busy' | 'full';

const backoffs = { failed: failedBackoff, busy: busyBackoff, full: fullBackoff } as const;

interface Waiting<T> {
  readonly entry: T;
  attempts: number;
  notBeforeMs: number;
  /** Grows with every entry that is put in: the oldest goes first. */
  turn: number;
}

interface Node {
  attempts: number;
  notBeforeMs: number;
}

export class SnapshotQueue<T> {
  readonly #waiting = new Map<T, Waiting<T>>();
  readonly #nodes = new Map<NodeId, Node>();
  #turns = 0;

  get size(): number {
    return this.#waiting.size;
  }

  add(entry: T): void {
    this.#put({ entry, attempts: 0, notBeforeMs: 0, turn: 0 });
  }

  /** Back at the end, to be tried again later. `unit` is a random number in [0, 1). */
  again(
    entry: T,
    attempts: number,
    why: { readonly delay: QueueDelay; readonly nodeId: NodeId | undefined },
    now: { readonly ms: number; readonly unit: number },
  ): void {
    const { delay, nodeId } = why;
    if (delay === 'failed' || nodeId === undefined) {
      const waitMs = backoffMs(backoffs[delay], attempts, now.unit);
      this.#put({ entry, attempts: attempts + 1, notBeforeMs: now.ms + waitMs, turn: 0 });
      return;
    }
    const node = this.#nodes.get(nodeId) ?? { attempts: 0, notBeforeMs: 0 };
    node.notBeforeMs = now.ms + backoffMs(backoffs[delay], node.attempts, now.unit);
    node.attempts += 1;
    this.#nodes.set(nodeId, node);
    this.#put({ entry, attempts, notBeforeMs: 0, turn: 0 });
  }

  /** A node took one: it refuses no more. */
  accepted(nodeId: NodeId): void {
    this.#nodes.delete(nodeId);
  }

  #put(waiting: Waiting<T>): void {
    this.#turns += 1;
    waiting.turn = this.#turns;
    this.#waiting.set(waiting.entry, waiting);
  }

  remove(entry: T): void {
    this.#waiting.delete(entry);
  }

  /** Takes the next that may go now out of the queue. */
  take(
    nowMs: number,
    of: (entry: T) => { readonly priority: number; readonly nodeId: NodeId | undefined },
  ): { readonly entry: T; readonly attempts: number } | undefined {
    let best: { readonly waiting: Waiting<T>; readonly priority: number } | undefined;
    for (const waiting of this.#waiting.values()) {
      const { priority, nodeId } = of(waiting.entry);
      const nodeMs = nodeId === undefined ? 0 : (this.#nodes.get(nodeId)?.notBeforeMs ?? 0);
      if (Math.max(waiting.notBeforeMs, nodeMs) > nowMs) {
        continue;
      }
      const isBetter =
        best === undefined ||
        priority > best.priority ||
        (priority === best.priority && waiting.turn < best.waiting.turn);
      if (isBetter) {
        best = { waiting, priority };
      }
    }
    if (best === undefined) {
      return undefined;
    }
    const { entry, attempts } = best.waiting;
    this.#waiting.delete(entry);
    return { entry, attempts };
  }

  /** When to look again, ms from `nowMs`; undefined: nothing waits. */
  waitMs(nowMs: number, nodeOf: (entry: T) => NodeId | undefined): number | undefined {
    let earliest: number | undefined;
    for (const { entry, notBeforeMs } of this.#waiting.values()) {
      const nodeId = nodeOf(entry);
      const nodeMs = nodeId === undefined ? 0 : (this.#nodes.get(nodeId)?.notBeforeMs ?? 0);
      earliest = Math.min(earliest ?? Infinity, Math.max(notBeforeMs, nodeMs));
    }
    return earliest === undefined ? undefined : Math.max(0, earliest - nowMs);
  }
}
