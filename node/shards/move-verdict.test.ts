// What became of a planned move, case by case: done, still right, or overtaken by events.
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { applyMoves } from './applied-moves.ts';
import type { ClusterView, ViewNode, ViewReplica } from './cluster-view.ts';
import type { Move, MoveParts } from './move.ts';
import { makeMove } from './move.ts';
import { judgeMoves } from './move-verdict.ts';
import { flatNodes, withState } from './test-cluster.ts';

/** Group 1 on nodes 1, 2 and 3 of five; node 1 leads. */
function viewOf(
  replicas: readonly ViewReplica[] = [1, 2, 3].map((nodeId) => ({ nodeId, role: 'voter' })),
): ClusterView {
  return {
    nodes: flatNodes(5).map((node): ViewNode => ({ ...node, state: 'active' })),
    groups: [{ groupId: 1, replicas, leader: 1, preferredLeader: 1 }],
    ...{ replicationFactor: 3, effectiveFactor: 3 },
  };
}

const base = { groupId: 1, bytes: 0, reason: 'Balance' } as const;

function move(parts: Partial<MoveParts> & Pick<MoveParts, 'kind' | 'from' | 'to'>): Move {
  return makeMove({ ...base, ...parts });
}

function verdictOf(view: ClusterView, planned: Move): string {
  const { standing, why } = must(judgeMoves(view, [planned])[0]);
  return why === undefined ? standing : `${standing}: ${why}`;
}

const swap = move({ kind: 'swap', from: [3], to: [4] });
const repair = move({ kind: 'swap', from: [3], to: [4], reason: 'Repair' });
const drain = move({ kind: 'swap', from: [3], to: [4], reason: 'Drain' });

describe('judgeMoves', () => {
  test('a move that was applied is done, one that was not is valid', () => {
    const moves = [
      swap,
      move({ kind: 'prefer', from: [1], to: [2] }),
      move({ kind: 'transfer', from: [1], to: [2] }),
      move({ kind: 'addLearner', from: [], to: [4] }),
    ];
    for (const each of moves) {
      expect(verdictOf(viewOf(), each)).toBe('valid');
      expect(verdictOf(applyMoves(viewOf(), [each]), each)).toBe('done');
    }
  });

  test('a swap under way is valid until its joint configuration is left', () => {
    const learning: ViewReplica[] = [...viewReplicas(), { nodeId: 4, role: 'learner' }];
    expect(verdictOf(viewOf(learning), swap)).toBe('valid');
    const joint: ViewReplica[] = [
      { nodeId: 1, role: 'voter' },
      { nodeId: 2, role: 'voter' },
      { nodeId: 3, role: 'outgoing' },
      { nodeId: 4, role: 'incoming' },
    ];
    expect(verdictOf(viewOf(joint), swap)).toBe('valid');
    expect(verdictOf(viewOf(joint.filter(({ nodeId }) => nodeId !== 3)), swap)).toBe('done');
  });

  test('a copy may be taken over only by a node that takes copies, or has begun to', () => {
    const stopped = withState(viewOf(), 4, 'maintenance');
    expect(verdictOf(stopped, swap)).toBe('obsolete: node 4 takes no copies now: maintenance');
    const learning: ViewReplica[] = [...viewReplicas(), { nodeId: 4, role: 'learner' }];
    expect(verdictOf(withState(viewOf(learning), 4, 'maintenance'), swap)).toBe('valid');
    expect(verdictOf(withState(viewOf(learning), 4, 'dead'), swap)).toBe(
      'obsolete: node 4 takes no copies now: dead',
    );
  });

  test('a copy that a person wants goes to no node that is to be emptied', () => {
    // With as many nodes as copies the planner may have to use node 4, a person need not.
    const view = { ...viewOf(), replicationFactor: 5, effectiveFactor: 5 };
    const byHand = move({ kind: 'swap', from: [3], to: [4], reason: 'Manual' });
    expect(verdictOf(view, byHand)).toBe('valid');
    const emptied = withState(view, 4, 'draining');
    expect(verdictOf(emptied, byHand)).toBe('obsolete: node 4 takes no copies now: draining');
    expect(verdictOf(emptied, { ...byHand, reason: 'Balance' })).toBe('valid');
  });

  test('a removal under way is let go of where those that stay could not decide', () => {
    const lowered = { ...viewOf(), replicationFactor: 1, effectiveFactor: 1 };
    const remove = move({ kind: 'remove', from: [1, 2], to: [], reason: 'Extra' });
    const begun = { ...remove, isBegun: true };
    expect(verdictOf(lowered, begun)).toBe('valid');
    const dead = withState(lowered, 3, 'dead');
    expect(verdictOf(dead, begun)).toBe('obsolete: it would leave 0 live of 1 voters');
    expect(verdictOf(dead, remove)).toBe('valid');
  });

  test('a repair is obsolete when the node is back, a drain when it was called off', () => {
    expect(verdictOf(withState(viewOf(), 3, 'dead'), repair)).toBe('valid');
    expect(verdictOf(viewOf(), repair)).toBe('obsolete: node 3 is back with its copy');
    expect(verdictOf(withState(viewOf(), 3, 'draining'), drain)).toBe('valid');
    expect(verdictOf(viewOf(), drain)).toBe('obsolete: node 3 is not to be emptied any more');
    // It is back, and to be emptied: another copy is wanted all the same, if that can be.
    const emptied = withState(viewOf(), 3, 'draining');
    expect(verdictOf(emptied, repair)).toBe('valid');
    expect(verdictOf(withState(emptied, 4, 'draining'), repair)).toBe(
      'obsolete: node 4 takes no copies now: draining',
    );
    // Once the new copy votes, the old one goes all the same.
    const both: ViewReplica[] = [...viewReplicas(), { nodeId: 4, role: 'voter' }];
    expect(verdictOf(viewOf(both), repair)).toBe('valid');
    expect(verdictOf(viewOf(both), drain)).toBe('valid');
  });

  test('a failed copy is repaired although its node is there', () => {
    const failed = viewReplicas().map((each) =>
      each.nodeId === 3 ? { ...each, failed: true } : each,
    );
    expect(verdictOf(viewOf(failed), repair)).toBe('valid');
  });

  test('what was moved otherwise meanwhile is obsolete', () => {
    const moved = applyMoves(viewOf(), [move({ kind: 'swap', from: [3], to: [5] })]);
    expect(verdictOf(moved, swap)).toBe('obsolete: node 3 holds no copy any more');
    expect(verdictOf(viewOf(), move({ kind: 'add', from: [], to: [4] }))).toBe(
      'obsolete: the group has 3 of 3 copies',
    );
    expect(verdictOf({ ...viewOf(), groups: [] }, swap)).toBe('obsolete: there is no such group');
  });

  test('no copy is removed that the factor wants', () => {
    const remove = move({ kind: 'remove', from: [3], to: [], reason: 'Extra' });
    expect(verdictOf(viewOf(), remove)).toBe(
      'obsolete: the group would be left with 2 of 3 copies',
    );
    const four: ViewReplica[] = [...viewReplicas(), { nodeId: 4, role: 'voter' }];
    expect(verdictOf(viewOf(four), remove)).toBe('valid');
    expect(verdictOf(applyMoves(viewOf(four), [remove]), remove)).toBe('done');
  });

  test('nothing but a preference is valid for a group that lost its majority', () => {
    const lost = withState(withState(viewOf(), 2, 'dead'), 3, 'dead');
    expect(verdictOf(lost, repair)).toBe('obsolete: the group has lost its majority');
    const group = { ...must(lost.groups[0]), preferredLeader: 2 };
    const prefer = move({ kind: 'prefer', from: [2], to: [1] });
    expect(verdictOf({ ...lost, groups: [group] }, prefer)).toBe('valid');
  });

  test('leaderships go only to voters that may lead', () => {
    const prefer = move({ kind: 'prefer', from: [1], to: [4] });
    expect(verdictOf(viewOf(), prefer)).toBe('obsolete: node 4 cannot be preferred now');
    const transfer = move({ kind: 'transfer', from: [1], to: [2] });
    expect(verdictOf(withState(viewOf(), 2, 'evictingLeaders'), transfer)).toBe(
      'obsolete: node 2 cannot lead now',
    );
  });

  test('a promotion is done when the voters are those wanted', () => {
    const promote = move({ kind: 'promote', from: [3], to: [4] });
    const learning: ViewReplica[] = [...viewReplicas(), { nodeId: 4, role: 'learner' }];
    expect(verdictOf(viewOf(learning), promote)).toBe('valid');
    expect(verdictOf(applyMoves(viewOf(learning), [promote]), promote)).toBe('done');
  });

  test('a promotion that would leave no majority of live voters is dropped', () => {
    const demote = move({ kind: 'promote', from: [3], to: [] });
    const view = viewOf(viewReplicas());
    expect(verdictOf(view, demote)).toBe('valid');
    const nodes = view.nodes.map((node) => (node.nodeId === 2 ? { ...node, live: false } : node));
    expect(verdictOf({ ...view, nodes }, demote)).toBe(
      'obsolete: it would leave 1 live of 2 voters',
    );
  });
});

function viewReplicas(): ViewReplica[] {
  return [1, 2, 3].map((nodeId) => ({ nodeId, role: 'voter' }));
}
