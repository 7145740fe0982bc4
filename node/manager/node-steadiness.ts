/**
 * Which nodes answer steadily. One that was lost and is heard again must answer for a while before
 * it is given anything, for longer each time: a node that comes and goes must not make the plan
 * come and go with it. Kept by the node that manages, anew after each election: only what was lost
 * since then is judged.
 */
import { minuteMs, secondMs } from '../lib/units.ts';
import type { NodeId } from '../sys/network.ts';

/** To be steady after a first loss; twice as long after each further one, up to the most. */
export const steadyMsMin = 5 * secondMs;
const steadyMsMax = minuteMs;
/** A loss is forgotten when none has followed for so long. */
const forgiveMs = 10 * minuteMs;

interface Life {
  live: boolean;
  /** Since when it answers without a gap, ms. */
  sinceMs: number;
  /** Losses that are not forgotten, and the last of them. */
  losses: number;
  lostMs: number;
}

export class NodeSteadiness {
  readonly #lives = new Map<NodeId, Life>();

  clear(): void {
    this.#lives.clear();
  }

  /** Notes whether the node answers now; called at every look. */
  note(nodeId: NodeId, live: boolean, nowMs: number): void {
    const life = this.#lives.get(nodeId);
    if (life === undefined) {
      this.#lives.set(nodeId, { live, sinceMs: nowMs, losses: 0, lostMs: -Infinity });
      return;
    }
    if (life.live && !live) {
      life.losses = nowMs - life.lostMs > forgiveMs ? 1 : life.losses + 1;
      life.lostMs = nowMs;
    } else if (!life.live && live) {
      life.sinceMs = nowMs;
    }
    life.live = live;
  }

  /** It was never lost, as far as is known, or has answered for long enough since. */
  isSteady(nodeId: NodeId, nowMs: number): boolean {
    const life = this.#lives.get(nodeId);
    if (life === undefined || life.losses === 0) {
      return true;
    }
    const wanted = Math.min(steadyMsMin * 2 ** (life.losses - 1), steadyMsMax);
    return life.live && nowMs - life.sinceMs >= wanted;
  }
}
