/**
 * The plan's rows as its commands change them. Goal: what was decided on an older catalog takes
 * nothing back that people or moves have changed since; ids come and go with their moves; how far a
 * plan is makes no revision. Method: commands on paper, one after the other.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { makeMove } from '../shards/move.ts';
import type { Move } from '../shards/move.ts';
import { CatalogBench } from './testing-catalog.ts';
import type { SystemCommand } from './system-commands.ts';

const nobody = { controlEpoch: 0, expectedRevision: 0 };

function swap(groupId: number, from: number, to: number, prefer?: number): Move {
  const ends = { from: [from], to: [to] };
  return makeMove({ groupId, kind: 'swap', ...ends, bytes: 100, reason: 'Balance', prefer });
}

function storing(moves: readonly Move[], change: object = {}): SystemCommand {
  return {
    op: 'storePlan',
    add: moves.map((move, order) => ({ ...move, order })),
    drop: [],
    left: { moves: moves.length, bytes: 100 * moves.length },
    ...{ isNew: true, effectiveFactor: 1 },
    ...change,
  };
}

/** A shard of three copies, one of them not on node 4; who has it and who lacks it. */
function placed(
  bench: CatalogBench,
  groupId = 1,
): { readonly holder: number; readonly lacks: number } {
  const { replicas } = must(bench.catalog.groups.get(groupId));
  const on = replicas.map((replica) => replica.nodeId);
  return { holder: must(on[0]), lacks: must([1, 2, 3, 4].find((nodeId) => !on.includes(nodeId))) };
}

describe('storePlan', () => {
  test('P17: the factor rises with the plan that needs it, and never falls by one', () => {
    const bench = new CatalogBench();
    bench.setCluster({ effectiveFactor: 1 });
    bench.run(storing([], { effectiveFactor: 3 }));
    expect(bench.catalog.cluster.effectiveFactor).toBe(3);
    bench.run(storing([swap(1, 1, 4)], { effectiveFactor: 1 }));
    expect(bench.catalog.cluster.effectiveFactor).toBe(3);
  });

  test('P17: a plan made before a person lowered the copies does not raise them again', () => {
    const bench = new CatalogBench();
    bench.run({
      ...{ op: 'updateSettings', fence: nobody, settings: {}, replicationFactor: 1 },
      allowLowerReplication: true,
    });
    bench.run(storing([swap(1, 1, 4)], { effectiveFactor: 3 }));
    expect(bench.catalog.cluster).toMatchObject({ replicationFactor: 1, effectiveFactor: 1 });
  });

  test('counts what is left, and keeps moves that it knows', () => {
    const bench = new CatalogBench();
    bench.run(storing([swap(1, 1, 4)]));
    bench.run(storing([swap(1, 1, 4), swap(2, 1, 4)], { isNew: false }));
    expect([...bench.catalog.moves.keys()]).toEqual(['1:swap:1>4', '2:swap:1>4']);
    expect(bench.catalog.plan).toMatchObject({ planId: 1, movesTotal: 2, bytesTotal: 200 });
    bench.run(storing([], { isNew: false, drop: ['1:swap:1>4'], left: { moves: 1, bytes: 100 } }));
    expect([...bench.catalog.moves.keys()]).toEqual(['2:swap:1>4']);
  });
});

describe('a move', () => {
  test('gives its target an id as it begins, takes the leaving one as it ends, each once', () => {
    const bench = new CatalogBench();
    const { holder, lacks } = placed(bench);
    const move = swap(1, holder, lacks, lacks);
    bench.run(storing([move]));
    const [, , last] = must(bench.catalog.groups.get(1)).replicas;
    bench.run({ op: 'beginMove', moveId: move.id });
    expect(bench.run({ op: 'beginMove', moveId: move.id }).writes).toEqual([]);
    const begun = must(bench.catalog.groups.get(1));
    expect(begun.replicas).toContainEqual({ replicaId: 4, nodeId: lacks });
    expect(begun.replicas).toHaveLength(4);
    const gone = must(begun.replicas.find(({ nodeId }) => nodeId === holder)).replicaId;
    bench.run({ op: 'finishMove', moveId: move.id, gone: [gone] });
    expect(bench.run({ op: 'finishMove', moveId: move.id, gone: [gone] }).writes).toEqual([]);
    const ended = must(bench.catalog.groups.get(1));
    expect(ended).toMatchObject({ removed: [[gone, gone]], preferredLeader: lacks });
    expect(ended.replicas).toContainEqual(last);
    expect(bench.catalog.plan).toMatchObject({ movesDone: 1, bytesDone: 100, movesTotal: 1 });
  });

  test('begins only when no other of its group is under way', () => {
    const bench = new CatalogBench();
    const { holder, lacks } = placed(bench);
    const move = swap(1, holder, lacks);
    const other = { ...swap(1, holder, lacks), id: '1:other', kind: 'remove' as const, to: [] };
    const elsewhere = placed(bench, 2);
    const third = swap(2, elsewhere.holder, elsewhere.lacks);
    bench.run(storing([move, other, third]));
    bench.run({ op: 'beginMove', moveId: other.id });
    expect(bench.refusal({ op: 'beginMove', moveId: move.id })).toEqual([
      'OtherOperationInProgress',
      `Cannot begin move ${move.id}: move 1:other of the same group is under way`,
    ]);
    bench.run({ op: 'beginMove', moveId: third.id });
    bench.run({ op: 'finishMove', moveId: other.id, gone: [] });
    bench.run({ op: 'beginMove', moveId: move.id });
    expect(bench.catalog.moves.get(move.id)?.startedAtMs).toBeGreaterThan(0);
  });

  test.each(['Repair', 'Drain', 'Upreplicate', 'Manual'] as const)(
    'begins towards a draining node what the planner wants there, not what a person wants: %s',
    (reason) => {
      const bench = new CatalogBench();
      const { holder, lacks } = placed(bench);
      const move = { ...swap(1, holder, lacks), reason };
      bench.run(storing([move]));
      bench.setNode(lacks, { state: 'draining' });
      const outcome = bench.refusal({ op: 'beginMove', moveId: move.id })[0];
      expect(outcome).toBe(reason === 'Manual' ? 'NoEligibleNode' : 'not refused');
      const { replicas } = must(bench.catalog.groups.get(1));
      expect(replicas.some(({ nodeId }) => nodeId === lacks)).toBe(reason !== 'Manual');
    },
  );

  test.each(['drained', 'dead', 'joining', 'removed'] as const)(
    'P16: does not begin towards a node that is %s by now',
    (state) => {
      const bench = new CatalogBench();
      const { holder, lacks } = placed(bench);
      const move = swap(1, holder, lacks);
      bench.run(storing([move]));
      bench.setNode(lacks, { state });
      const reason = state === 'removed' ? 'UnknownNode' : 'NoEligibleNode';
      expect(bench.refusal({ op: 'beginMove', moveId: move.id })[0]).toBe(reason);
      expect(must(bench.catalog.groups.get(1)).replicas).toHaveLength(3);
    },
  );
});

test('a revision is of what people must have seen: another plan, their own changes', () => {
  const bench = new CatalogBench();
  const { holder, lacks } = placed(bench);
  const move = swap(1, holder, lacks);
  const revision = (): number => bench.catalog.plan.revision;
  bench.run(storing([move, swap(2, 1, 4)]));
  expect(revision()).toBe(1);
  bench.run({ op: 'beginMove', moveId: move.id });
  bench.run({ op: 'finishMove', moveId: move.id, gone: [] });
  bench.run({ op: 'dropMove', moveId: '2:swap:1>4' });
  bench.run(storing([swap(2, 2, 4)], { isNew: false }));
  expect(revision()).toBe(1);
  bench.run({ op: 'pausePlan', fence: { controlEpoch: 0, expectedRevision: 1 } });
  expect(revision()).toBe(2);
});
