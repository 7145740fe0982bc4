/**
 * Several managers that set `spec.replicas` in turns, as an autoscaler and a deployment from Git do
 * (O14): data would move back and forth for ever. Nothing is taken away while they do, and both are
 * named. Pure; the changes are what the operator has seen since it started.
 */
import type { Hindrance } from '../api/observed.ts';

export interface ReplicasChange {
  readonly manager: string;
  readonly replicas: number;
  readonly atMs: number;
}

/** Longer than the periods in which autoscalers and Git controllers look (3 min by default), ms. */
export const contestMs = 10 * 60 * 1_000;
/** There, back, and there again, by one and the other: whoever corrects another does no more. */
const turnsMin = 3;

/** Changes that still count, with this one if it is one. */
export function noteReplicas(
  before: readonly ReplicasChange[],
  now: ReplicasChange,
): readonly ReplicasChange[] {
  const recent = before.filter((change, index) => {
    const isLast = index === before.length - 1;
    return isLast || now.atMs - change.atMs < contestMs;
  });
  return before.at(-1)?.replicas === now.replicas ? recent : [...recent, now];
}

export function contestedReplicas(
  changes: readonly ReplicasChange[],
  nowMs: number,
): Hindrance | undefined {
  // The first one that was seen was there before; it is no change.
  const recent = changes.slice(1).filter((change) => nowMs - change.atMs < contestMs);
  const byWhom = recent.map(({ manager }) => manager).filter((name) => name !== '');
  // One that changes its mind has one turn, however often it does.
  const turns = byWhom.filter((name, index) => name !== byWhom[index - 1]);
  if (turns.length < turnsMin) {
    return undefined;
  }
  const managers = [...new Set(turns)];
  const said = managers.map((name) => {
    const last = recent.findLast(({ manager }) => manager === name);
    return `"${name}" to ${last?.replicas ?? 0}`;
  });
  const message =
    `spec.replicas was changed ${recent.length} times in ${contestMs / 60_000} min, by ` +
    `${said.join(' and by ')}: let one of them manage it; until then no node is taken away`;
  return { reason: 'ReplicasContested', message };
}
