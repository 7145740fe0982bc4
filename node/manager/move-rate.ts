/**
 * Bytes a second sent for snapshots over the last seconds, in the whole cluster, from what nodes
 * say with their beats. A node that starts anew counts from zero again.
 */
import type { NodeId } from '../sys/network.ts';

const windowMs = 10_000;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

export class MoveRate {
  readonly #last = new Map<NodeId, number>();
  #total = 0;
  #samples: Sample[] = [];

  /** `sent`: what each node said last that it sent since its start. */
  add(nowMs: number, sent: ReadonlyMap<NodeId, number>): void {
    for (const [nodeId, bytes] of sent) {
      const before = this.#last.get(nodeId) ?? bytes;
      this.#total += bytes >= before ? bytes - before : bytes;
      this.#last.set(nodeId, bytes);
    }
    this.#samples = this.#samples.filter(({ atMs }) => nowMs - atMs <= windowMs);
    this.#samples.push({ atMs: nowMs, bytes: this.#total });
  }

  /** Bytes that were sent in all, since this node began to look. */
  get total(): number {
    return this.#total;
  }

  get bytesPerSecond(): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs === first.atMs) {
      return 0;
    }
    return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1_000;
  }
}
