// Goal: the numbers in decision record 0030 are real: what the planner moves when a node joins or
// leaves, next to a hash ring, rendezvous hashing and jump hashing, and to what must move at least.
// Method: each is run on the same shards and nodes; the record's table must be the one made here.
import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { must } from '../lib/assert.ts';
import { applyMoves } from './applied-moves.ts';
import type { ClusterView } from './cluster-view.ts';
import { hashPair } from './hash.ts';
import { planShards } from './planner.ts';
import { clusterOf, flatNodes, shardsOf, votersOf, withNode, withState } from './test-cluster.ts';

const copies = 3;

/** By shard: the nodes that hold it. */
type Placement = readonly (readonly number[])[];

interface Method {
  readonly name: string;
  /** Where shards lie on the nodes, or come to lie when they lay elsewhere before. */
  place(nodeIds: readonly number[], shards: number, before?: Placement): Placement;
}

/** Points of one node on the ring. */
function ringOf(pointsPerNode: number): Method {
  return {
    name: `ring, points a node: ${pointsPerNode}`,
    place: (nodeIds, shards) => {
      const ring = nodeIds
        .flatMap((nodeId) =>
          Array.from({ length: pointsPerNode }, (_, point) => ({
            nodeId,
            at: hashPair(nodeId, 1_000_000 + point),
          })),
        )
        .sort((a, b) => a.at - b.at);
      return Array.from({ length: shards }, (_, shard) => {
        const hash = hashPair(shard, 0);
        const start = ring.findIndex(({ at }) => at >= hash);
        const found = new Set<number>();
        for (let step = 0; found.size < copies; step++) {
          found.add(must(ring[(Math.max(start, 0) + step) % ring.length]).nodeId);
        }
        return [...found];
      });
    },
  };
}

const rendezvous: Method = {
  name: 'rendezvous',
  place: (nodeIds, shards) =>
    Array.from({ length: shards }, (_, shard) =>
      [...nodeIds].sort((a, b) => hashPair(shard, b) - hashPair(shard, a)).slice(0, copies),
    ),
};

/** Lamping and Veach 2014; a copy that falls on a node taken already is hashed again. */
const jump: Method = {
  name: 'jump',
  place: (nodeIds, shards) =>
    Array.from({ length: shards }, (_, shard) => {
      const found = new Set<number>();
      for (let attempt = 0; found.size < copies; attempt++) {
        found.add(must(nodeIds[jumpBucket(hashPair(shard, attempt), nodeIds.length)]));
      }
      return [...found];
    }),
};

function jumpBucket(key: number, buckets: number): number {
  let bucket = -1;
  let next = 0;
  for (let step = 0; next < buckets; step++) {
    bucket = next;
    const random = (hashPair(key, step) + 1) / 2 ** 32;
    next = Math.floor((bucket + 1) / random);
  }
  return bucket;
}

function viewOf(nodeIds: readonly number[], before: Placement): ClusterView {
  return {
    nodes: nodeIds.map((nodeId) => ({ nodeId, state: 'active' })),
    groups: before.map((nodes, shard) => ({
      groupId: shard + 1,
      replicas: nodes.map((nodeId) => ({ nodeId, role: 'voter' as const })),
      ...{ leader: nodes[0], preferredLeader: nodes[0] },
    })),
    ...{ replicationFactor: copies, effectiveFactor: copies },
  };
}

const planner: Method = {
  name: 'planner',
  place: (nodeIds, shards, before) => {
    const nodes = nodeIds.map((nodeId) => ({ nodeId }));
    const view = before === undefined ? clusterOf({ nodes, shards }) : viewOf(nodeIds, before);
    const placed = applyMoves(view, planShards({ view }).moves);
    return [...shardsOf(placed)].sort((a, b) => a.groupId - b.groupId).map(votersOf);
  },
};

/** Copies that lie where the shard had none before. */
function moved(before: Placement, after: Placement): number {
  return after.reduce((sum, nodes, shard) => {
    return sum + nodes.filter((nodeId) => !must(before[shard]).includes(nodeId)).length;
  }, 0);
}

function fullestOverMean(nodeIds: readonly number[], placement: Placement): number {
  const counts = nodeIds.map(
    (nodeId) => placement.filter((nodes) => nodes.includes(nodeId)).length,
  );
  return Math.max(...counts) / ((placement.length * copies) / nodeIds.length);
}

function rowOf(method: Method, nodes: number, shards: number): string {
  const nodeIds = Array.from({ length: nodes }, (_, i) => i + 1);
  const [joined, left] = [[...nodeIds, nodes + 1], nodeIds.filter((nodeId) => nodeId !== 2)];
  const before = method.place(nodeIds, shards);
  const afterJoin = method.place(joined, shards, before);
  const afterLeave = method.place(left, shards, before);
  const share = (shards * copies) / joined.length;
  const own = before.filter((nodesOf) => nodesOf.includes(2)).length;
  const cells = [
    `${nodes} nodes, ${shards} shards`,
    method.name,
    `${moved(before, afterJoin)} (${(moved(before, afterJoin) / share).toFixed(2)} ×)`,
    fullestOverMean(joined, afterJoin).toFixed(2),
    `${moved(before, afterLeave)} (${(moved(before, afterLeave) / own).toFixed(2)} ×)`,
    fullestOverMean(left, afterLeave).toFixed(2),
  ];
  return `| ${cells.join(' | ')} |`;
}

const methods = [planner, ringOf(1), ringOf(128), rendezvous, jump];

test('the table of record 0030 is what these methods do', () => {
  const sizes = [
    [4, 64],
    [10, 256],
    [30, 1_024],
  ] as const;
  const rows = sizes.flatMap(([nodes, shards]) =>
    methods.map((method) => rowOf(method, nodes, shards)),
  );
  const path = `${import.meta.dirname}/../docs/decisions/0030-shard-planner.md`;
  const record = readFileSync(path, 'utf8').replace(/ +/g, ' ');
  expect(rows.filter((row) => !record.includes(row))).toEqual([]);
});

test('the planner moves the least that can be moved', () => {
  for (const [nodes, shards] of [
    [3, 64],
    [10, 256],
  ] as const) {
    const view = clusterOf({ nodes: flatNodes(nodes), shards });
    const joined = planShards({ view: withNode(view, { nodeId: nodes + 1 }) }).moves;
    const share = Math.round((shards * copies) / (nodes + 1));
    expect(Math.abs(joined.filter(({ kind }) => kind === 'swap').length - share)).toBeLessThan(2);
    const own = view.groups.filter((group) => votersOf(group).includes(2)).length;
    const left = planShards({ view: withState(view, 2, 'draining') }).moves;
    const expected = nodes === 3 ? 0 : own;
    expect(left.filter(({ kind }) => kind === 'swap')).toHaveLength(expected);
  }
});
