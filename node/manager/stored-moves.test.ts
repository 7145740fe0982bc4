/**
 * Which stored moves are dropped. Goal: however the sizes of shards become known while a node
 * joins, what is stored stays one plan and copies what must be copied and nothing else; what was
 * begun, or is a person's, goes on. Method: the planner itself, planning anew from what is stored.
 */
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../lib/prng.ts';
import { mebibyte } from '../lib/units.ts';
import type { ClusterView } from '../shards/cluster-view.ts';
import { systemGroupId } from '../shards/groups.ts';
import { planShards } from '../shards/planner.ts';
import { isCopy } from './move-schedule.ts';
import type { MoveRecord } from './plan-records.ts';
import { movesToDrop } from './stored-moves.ts';
import type { StoredMoves } from './stored-moves.ts';

const shardCount = 16;
const share = (shardCount * 3) / 4;

/** Three nodes hold everything, a fourth one has joined. `bytes`: 0 while unknown. */
function viewOf(bytes: (groupId: number) => number): ClusterView {
  return {
    nodes: [1, 2, 3, 4].map((nodeId) => ({
      ...{ nodeId, zone: undefined, weight: 1, live: true, steady: true, state: 'active' as const },
      usedBytes: 1e9,
      freeBytes: 1e11,
    })),
    groups: Array.from({ length: shardCount }, (_none, shard) => ({
      groupId: shard + 1,
      replicas: [1, 2, 3].map((nodeId) => ({ nodeId, role: 'voter' as const, caughtUp: true })),
      leader: 1 + (shard % 3),
      preferredLeader: 1 + (shard % 3),
      bytes: bytes(shard + 1),
    })),
    replicationFactor: 3,
    effectiveFactor: 3,
  };
}

const nothing = {
  record: { cancelling: false, paused: false },
  hasVote: () => false,
  isActive: () => false,
} satisfies Partial<StoredMoves>;

/** Plans anew and stores what comes of it, as the manager does. */
function planAgain(
  view: ClusterView,
  stored: readonly MoveRecord[],
  terms: Partial<StoredMoves> = {},
): { readonly stored: MoveRecord[]; readonly dropped: string[] } {
  const plan = planShards({ view, carried: stored });
  const dropped = movesToDrop({ ...nothing, plan, stored, ...terms }).map(({ move }) => move.id);
  const known = new Set(stored.map(({ id }) => id));
  const kept = stored.filter(({ id }) => !dropped.includes(id));
  const news = plan.moves.filter(({ id }) => !known.has(id));
  return {
    stored: [...kept, ...news.map((move, order) => ({ ...move, order, startedAtMs: 0 }))],
    dropped,
  };
}

describe('movesToDrop()', () => {
  test('sizes that become known one by one leave one plan, not the sum of all', () => {
    let replaced = 0;
    for (let seed = 0; seed < 40; seed++) {
      const random = new Prng(seed);
      const sizes = Array.from({ length: shardCount }, () => (60 + random.below(12)) * mebibyte);
      const order = sizes.map((_size, shard) => shard + 1);
      order.sort(() => random.below(2) - 0.5);
      let stored: MoveRecord[] = [];
      for (let count = random.below(shardCount); count <= shardCount; count++) {
        const known = new Set(order.slice(0, count));
        const view = viewOf((groupId) => (known.has(groupId) ? (sizes[groupId - 1] ?? 0) : 0));
        const next = planAgain(view, stored);
        ({ stored } = next);
        replaced += next.dropped.length;
        expect(stored.filter(isCopy)).toHaveLength(share);
      }
      const settled = planAgain(
        viewOf((groupId) => sizes[groupId - 1] ?? 0),
        stored,
      );
      expect(settled.dropped).toEqual([]);
    }
    expect(replaced).toBeGreaterThan(0);
  });

  /** A stored move that the plan does not say again, and a term under which it may be kept. */
  const [first] = planShards({ view: viewOf(() => 0) }).moves.filter(isCopy);
  const unwanted = { ...first, order: 0, startedAtMs: 0 } as MoveRecord;
  const plan: StoredMoves['plan'] = {
    moves: [],
    verdicts: [{ move: unwanted, standing: 'valid' }],
  };
  const drops = (record: MoveRecord, terms: Partial<StoredMoves> = {}): string[] =>
    movesToDrop({ ...nothing, plan, stored: [record], ...terms }).map(({ why }) => why);

  test('what was begun, is being begun, or is a person’s is gone on with', () => {
    expect(drops(unwanted)).toEqual(['another one serves better']);
    expect(drops({ ...unwanted, startedAtMs: 5 })).toEqual([]);
    expect(drops({ ...unwanted, manual: true })).toEqual([]);
    expect(drops(unwanted, { isActive: (id) => id === unwanted.id })).toEqual([]);
    expect(drops(unwanted, { record: { cancelling: false, paused: true } })).toEqual([]);
  });

  test('a pause keeps no change of the system group, as it holds none up', () => {
    const change = { ...unwanted, groupId: systemGroupId };
    const paused = { cancelling: false, paused: true };
    const terms = { plan: { moves: [], verdicts: [{ move: change, standing: 'valid' as const }] } };
    expect(drops(change, { ...terms, record: paused })).toEqual(['another one serves better']);
    expect(drops({ ...change, startedAtMs: 5 }, { ...terms, record: paused })).toEqual([]);
  });

  test('a plan that is called off keeps what has a vote, and what copies nothing', () => {
    const record = { cancelling: true, paused: true };
    const begun = { ...unwanted, startedAtMs: 5 };
    expect(drops(unwanted, { record })).toEqual(['it was called off']);
    expect(drops(begun, { record })).toEqual(['it was called off']);
    expect(drops(begun, { record, hasVote: () => true })).toEqual([]);
  });

  test('what is done is dropped if nobody began it, what is obsolete in any case', () => {
    const judged = (standing: 'done' | 'obsolete', startedAtMs: number): string[] =>
      drops(
        { ...unwanted, startedAtMs },
        { plan: { moves: [unwanted], verdicts: [{ move: unwanted, standing, why: 'so it is' }] } },
      );
    expect([judged('done', 0), judged('done', 5)]).toEqual([['it is so already'], []]);
    expect([judged('obsolete', 0), judged('obsolete', 5)]).toEqual([['so it is'], ['so it is']]);
  });
});
