/**
 * Pods on machines that somebody is about to take away (`kubectl cordon`, `kubectl drain`): the
 * database is told that the node will be away for a while, so that nobody takes it for dead; and a
 * pod that contributes nothing is moved, since the disruption budget would keep it there (O21).
 * Pure.
 */
import type { PodView } from '../api/observed.ts';
import { nodeIdOf } from '../api/node-place.ts';
import { closedGates } from './roll-gates.ts';
import type { Round, Verdict } from './round.ts';

/**
 * Longer than a pod takes to leave and to start elsewhere. A machine that stays cordoned for longer
 * is left as it is: its node counts again like any other.
 */
export const cordonMs = 10 * 60 * 1_000;

/** The pod is on a machine that was cordoned a short while ago. */
export function isOnFreshCordon({ observed, memory }: Round, pod: PodView): boolean {
  const sinceMs = memory.cordonedSinceMs?.get(pod.machine);
  return sinceMs !== undefined && observed.nowMs - sinceMs < cordonMs;
}

export function planCordon(round: Round): Verdict {
  const cordoned = new Set(
    round.observed.machines.filter((machine) => machine.cordoned).map(({ name }) => name),
  );
  for (const pod of round.observed.pods.filter(
    ({ machine, terminating }) => cordoned.has(machine) && !terminating,
  )) {
    const node = round.nodes.get(pod.ordinal);
    const holdsNothing = node === undefined || (node.replicaCount === 0 && !node.answers);
    if (!pod.ready && holdsNothing && !round.identities.has(pod.ordinal)) {
      return { steps: [{ kind: 'deletePod', pod, nodeId: 0, why: 'Cordon' }], isBusy: true };
    }
    const mayBeAway = pod.ready && node?.state === 'active' && node.answers;
    if (mayBeAway && node.maintenanceUntilMs === 0 && isOnFreshCordon(round, pod)) {
      const { revision } = node;
      // One node at a time, as for a roll; the next one has its turn when this one is back.
      if (closedGates(round, pod).length === 0 && !isOtherAway(round, pod)) {
        const told = { nodeId: nodeIdOf(node), revision, durationMs: cordonMs };
        return { steps: [{ kind: 'setMaintenance', ...told }] };
      }
    }
  }
  return {};
}

function isOtherAway(round: Round, pod: PodView): boolean {
  return [...round.nodes].some(
    ([ordinal, node]) => ordinal !== pod.ordinal && node.maintenanceUntilMs !== 0,
  );
}
