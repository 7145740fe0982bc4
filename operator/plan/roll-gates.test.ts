// Goal: a roll waits for a new pod to lead again, and not for one that could not. Method: a settled
// cluster of the model world, with the fourth node seen otherwise.
import { describe, expect, test } from '@jest/globals';
import type { NodeView } from '../../node/contract/status-types.ts';
import type { Observed } from '../api/observed.ts';
import { closedGates, leadersReturnMsMax } from './roll-gates.ts';
import { makeRound } from './round.ts';
import { testingSpec } from './testing-spec.ts';
import { TestingWorld } from './testing-world.ts';

/** Gates closed for the first pod, when all pods are new and Ready for so long, ms. */
function closedWith(fourth: Partial<NodeView>, readyMs: number): readonly string[] {
  const world = new TestingWorld(testingSpec({ replicas: 4 }));
  world.run('a settled cluster', () => world.isSettled());
  const seen: Observed = world.observe();
  const { status } = seen.database;
  if (status === undefined) {
    throw new Error('The database of the model does not answer');
  }
  const nodes = status.nodes.map((node) =>
    node.member?.nodeId === 4 ? { ...node, ...fourth } : node,
  );
  const round = makeRound(
    {
      ...seen,
      pods: seen.pods.map((pod) => ({ ...pod, readySinceMs: seen.nowMs - readyMs })),
      database: { ...seen.database, status: { ...status, nodes } },
    },
    world.memory,
  );
  const [first] = round.observed.pods;
  return first === undefined ? ['no pod'] : closedGates(round, first).map(({ reason }) => reason);
}

describe('closedGates()', () => {
  test.each([
    ['leads', { leaderCount: 2, replicaCount: 6 }, 1_000, []],
    [
      'has copies and leads nothing',
      { leaderCount: 0, replicaCount: 6 },
      1_000,
      ['LeadersReturned'],
    ],
    ['the same for long', { leaderCount: 0, replicaCount: 6 }, leadersReturnMsMax, []],
    ['has no copies', { leaderCount: 0, replicaCount: 0 }, 1_000, []],
  ] as const)('a new node that %s', (_, fourth, readyMs, closed) => {
    expect(closedWith(fourth, readyMs)).toEqual(closed);
  });
});
