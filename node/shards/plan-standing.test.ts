// Goal: what the planner plans stands when it is judged on what it was planned on; else a move is
// dropped and planned anew, over and over. Method: views drawn from a seed, nodes in any state,
// groups with any members; and by hand what was found so.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import { applyMoves } from './applied-moves.ts';
import type { ClusterView, MemberState, ViewGroup, ViewNode, ViewReplica } from './cluster-view.ts';
import { systemGroupId } from './groups.ts';
import { describeMove } from './move.ts';
import { planShards } from './planner.ts';

const states: readonly MemberState[] = [
  ...(['active', 'active', 'active', 'active', 'joining', 'evictingLeaders'] as const),
  ...(['maintenance', 'draining', 'drained', 'dead'] as const),
];

function drawNode(random: Prng, nodeId: number, zoneCount: number): ViewNode {
  return {
    nodeId,
    zone: zoneCount === 0 ? undefined : `z${random.below(zoneCount)}`,
    state: random.pick(states),
    live: random.chance(0.9),
    steady: random.chance(0.9),
  };
}

function drawGroup(random: Prng, groupId: number, nodes: readonly ViewNode[]): ViewGroup {
  const first = random.below(nodes.length);
  const ids = nodes.map((_, i) => (nodes[(first + i) % nodes.length] as ViewNode).nodeId);
  const size = Math.min(ids.length, random.pick([1, 3, 3, 4, 5]));
  const voters = ids.slice(0, size).map((nodeId): ViewReplica => ({ nodeId, role: 'voter' }));
  const learners = ids
    .slice(size)
    .filter(() => random.chance(groupId === systemGroupId ? 0.8 : 0.1))
    .map((nodeId): ViewReplica => ({ nodeId, role: 'learner', caughtUp: random.chance(0.7) }));
  return {
    groupId,
    leader: random.chance(0.9) ? ids[0] : undefined,
    preferredLeader: random.pick(voters).nodeId,
    replicas: [...voters, ...learners],
    bytes: 100,
  };
}

function drawView(seed: number): ClusterView {
  const random = new Prng(seed);
  const zoneCount = random.below(4);
  const count = 1 + random.below(7);
  const nodes = Array.from({ length: count }, (_, i) => drawNode(random, i + 1, zoneCount));
  const groupCount = 1 + random.below(4);
  const groups = Array.from({ length: groupCount }, (_, g) => drawGroup(random, g, nodes));
  const replicationFactor = random.pick([1, 3, 3, 5]);
  return { nodes, groups, replicationFactor, effectiveFactor: random.pick([1, replicationFactor]) };
}

/** Moves of the plan that the next plan would drop, and why. */
function dropped(view: ClusterView): string[] {
  const { moves } = planShards({ view });
  const { verdicts } = planShards({ view, carried: moves });
  return verdicts
    .filter(({ standing }) => standing !== 'valid')
    .map(({ move, standing, why }) => `${describeMove(move)}: ${standing} ${why ?? ''}`);
}

function decides({ nodes, groups }: ClusterView, groupId: number): boolean {
  const { replicas } = must(groups.find((group) => group.groupId === groupId));
  const voters = replicas.filter(({ role }) => role === 'voter');
  const alive = voters.filter(({ nodeId }) => {
    const { state, live } = must(nodes.find((node) => node.nodeId === nodeId));
    return live !== false && state !== 'dead' && state !== 'removed';
  });
  return 2 * alive.length > voters.length;
}

function systemView(
  nodes: readonly Partial<ViewNode>[],
  group: Partial<ViewGroup> & Pick<ViewGroup, 'replicas'>,
): ClusterView {
  return {
    nodes: nodes.map((node, i) => ({ nodeId: i + 1, state: 'active', ...node })),
    groups: [{ groupId: systemGroupId, leader: 1, preferredLeader: 1, ...group }],
    ...{ replicationFactor: 1, effectiveFactor: 1 },
  };
}

const voters = (...ids: readonly number[]): ViewReplica[] =>
  ids.map((nodeId) => ({ nodeId, role: 'voter' }));

describe('what is planned', () => {
  test('stands on the same view', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (seed) => {
        expect(dropped(drawView(seed))).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('takes no group its majority, wherever it is broken off', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (seed) => {
        let view = drawView(seed);
        const { moves } = planShards({ view });
        for (const move of moves) {
          const before = decides(view, move.groupId);
          view = applyMoves(view, [move]);
          expect([describeMove(move), decides(view, move.groupId)]).toEqual([
            describeMove(move),
            before,
          ]);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test.each(['joining', 'evictingLeaders', 'maintenance', 'draining'] as const)(
    'a node that is %s learns the catalog',
    (state) => {
      const view = systemView([{}, {}, {}, { state }], { replicas: voters(1, 2, 3) });
      expect(planShards({ view }).moves.map(describeMove)).toContain(
        'group 0 addLearner +n4 (Upreplicate)',
      );
      expect(dropped(view)).toEqual([]);
    },
  );

  test('who votes only once a move is done is preferred only then', () => {
    const replicas: ViewReplica[] = [...voters(1), { nodeId: 2, role: 'learner', caughtUp: true }];
    const view = systemView([{ state: 'draining' }, {}], { replicas });
    const kinds = planShards({ view }).moves.map(({ kind }) => kind);
    expect(kinds).toContain('promote');
    expect(kinds).not.toContain('prefer');
  });

  test('a vote that those left need is not taken, and the plan says so', () => {
    const nodes = [{ live: false }, { state: 'draining' }, { state: 'draining' }] as const;
    const view = systemView(nodes, { leader: 2, replicas: voters(1, 2, 3) });
    const { moves, refusals } = planShards({ view });
    expect(moves.filter(({ kind }) => kind === 'promote')).toEqual([]);
    expect(refusals.map(({ message }) => message)).toEqual([
      'Cannot take the vote in the system group from nodes 2, 3: too few of the other voters answer',
    ]);
  });
});
