// Goal: the promises of a first placement hold for any nodes. Method: random clusters; each
// promise is counted afresh from the result.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PlacementNode, ShardPlacement } from './placement.ts';
import { effectiveReplication, placeInitial } from './placement.ts';

function count(ids: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const id of ids) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function replicasByNode(placement: readonly ShardPlacement[]): Map<number, number> {
  return count(placement.flatMap((shard) => shard.replicas.map((replica) => replica.nodeId)));
}

function leadersByNode(placement: readonly ShardPlacement[]): Map<number, number> {
  return count(placement.map((shard) => shard.preferredLeader));
}

const shardIds = (shardCount: number): number[] => Array.from({ length: shardCount }, (_, i) => i);
const shardCount = fc.constantFrom(1, 4, 16, 64, 256);
const factor = fc.constantFrom(1, 3, 5);

/** Nodes with scattered ids; the zone of each by number, or none. */
function nodesOf(zones: readonly (number | undefined)[]): PlacementNode[] {
  return zones.map((zone, i) => ({
    nodeId: i * 7 + 1,
    ...(zone === undefined ? {} : { zone: `z${zone}` }),
  }));
}

const flatNodes = fc.integer({ min: 1, max: 20 }).map((n) => nodesOf(Array(n).fill(undefined)));
const zonedNodes = fc
  .array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 15 })
  .map(nodesOf);

describe('effectiveReplication', () => {
  test.each([
    [3, 1, 1],
    [3, 2, 1],
    [3, 3, 3],
    [3, 10, 3],
    [5, 4, 3],
    [4, 10, 3],
    [5, 0, 0],
  ])('target %d on %d nodes is %d', (target, nodes, expected) => {
    expect(effectiveReplication(target, nodes)).toBe(expected);
  });
});

describe('placeInitial', () => {
  test('gives every shard its replicas on different nodes, one of them the leader', () => {
    fc.assert(
      fc.property(
        fc.oneof(flatNodes, zonedNodes),
        shardCount,
        factor,
        (nodes, shards, replicationFactor) => {
          const ids = shardIds(shards);
          const placement = placeInitial({ nodes, shards: ids, replicationFactor });
          expect(placement.map((shard) => shard.shardId)).toEqual(ids);
          const known = new Set(nodes.map((node) => node.nodeId));
          const expected = effectiveReplication(replicationFactor, nodes.length);
          for (const { replicas, preferredLeader } of placement) {
            const nodeIds = replicas.map((replica) => replica.nodeId);
            expect(new Set(nodeIds).size).toBe(expected);
            expect(nodeIds.every((id) => known.has(id))).toBe(true);
            expect(nodeIds).toContain(preferredLeader);
            expect(replicas.map((replica) => replica.replicaId)).toEqual(
              Array.from({ length: expected }, (_, i) => i + 1),
            );
          }
        },
      ),
    );
  });

  test('spreads every shard over as many zones as there are', () => {
    fc.assert(
      fc.property(zonedNodes, shardCount, factor, (nodes, shards, replicationFactor) => {
        const zoneOf = new Map(nodes.map((node) => [node.nodeId, node.zone]));
        const zones = new Set(zoneOf.values()).size;
        const placement = placeInitial({ nodes, shards: shardIds(shards), replicationFactor });
        for (const { replicas } of placement) {
          const used = new Set(replicas.map((replica) => zoneOf.get(replica.nodeId)));
          expect(used.size).toBe(Math.min(zones, replicas.length));
        }
      }),
    );
  });

  test('loads no node above 1.1 times the mean and one, without zones', () => {
    fc.assert(
      fc.property(flatNodes, shardCount, factor, (nodes, shards, replicationFactor) => {
        const placement = placeInitial({ nodes, shards: shardIds(shards), replicationFactor });
        const total = shards * effectiveReplication(replicationFactor, nodes.length);
        const most = Math.max(...replicasByNode(placement).values());
        expect(most).toBeLessThanOrEqual((1.1 * total) / nodes.length + 1);
      }),
    );
  });

  test('keeps the bound in even zones', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        shardCount,
        (zones, perZone, shards) => {
          const nodes = nodesOf(Array.from({ length: zones * perZone }, (_, i) => i % zones));
          const placement = placeInitial({ nodes, shards: shardIds(shards), replicationFactor: 3 });
          const most = Math.max(...replicasByNode(placement).values());
          expect(most).toBeLessThanOrEqual((1.1 * shards * 3) / nodes.length + 1);
        },
      ),
    );
  });

  test('loads nodes by their weight', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(1, 2), { minLength: 6, maxLength: 12 }),
        shardCount,
        (weights, shards) => {
          const nodes = weights.map((weight, i) => ({ nodeId: i + 1, weight }));
          const placement = placeInitial({ nodes, shards: shardIds(shards), replicationFactor: 3 });
          const sum = weights.reduce((a, b) => a + b, 0);
          const replicas = replicasByNode(placement);
          for (const { nodeId, weight } of nodes) {
            const share = (shards * 3 * weight) / sum;
            expect(replicas.get(nodeId) ?? 0).toBeLessThanOrEqual(1.1 * share + 1);
          }
        },
      ),
    );
  });

  test('balances leaders', () => {
    fc.assert(
      fc.property(flatNodes, shardCount, factor, (nodes, shards, replicationFactor) => {
        const placement = placeInitial({ nodes, shards: shardIds(shards), replicationFactor });
        const most = Math.max(...leadersByNode(placement).values());
        expect(most).toBeLessThanOrEqual(Math.ceil(shards / nodes.length) + 1);
      }),
    );
  });

  test('does not depend on the order of the nodes', () => {
    fc.assert(
      fc.property(zonedNodes, shardCount, (nodes, shards) => {
        const request = { shards: shardIds(shards), replicationFactor: 3 };
        expect(placeInitial({ ...request, nodes: [...nodes].reverse() })).toEqual(
          placeInitial({ ...request, nodes }),
        );
      }),
    );
  });

  test('pairs many different nodes', () => {
    const nodes = nodesOf(Array(9).fill(undefined));
    const placement = placeInitial({ nodes, shards: shardIds(256), replicationFactor: 3 });
    const trios = placement.map((shard) =>
      shard.replicas
        .map((replica) => replica.nodeId)
        .sort((a, b) => a - b)
        .join(),
    );
    expect(new Set(trios).size).toBeGreaterThan(30);
  });

  test('gives three nodes a third of the leaders each', () => {
    const nodes = nodesOf([undefined, undefined, undefined]);
    const placement = placeInitial({ nodes, shards: shardIds(16), replicationFactor: 3 });
    expect([...leadersByNode(placement).values()].sort()).toEqual([5, 5, 6]);
  });

  test('refuses what cannot be placed', () => {
    const request = { shards: [0], replicationFactor: 3 };
    expect(() => placeInitial({ ...request, nodes: [] })).toThrow('node');
    expect(() => placeInitial({ ...request, nodes: [{ nodeId: 1 }, { nodeId: 1 }] })).toThrow(
      'differ',
    );
    expect(() => placeInitial({ ...request, nodes: [{ nodeId: 1, weight: 0 }] })).toThrow(
      'Weights',
    );
    expect(() =>
      placeInitial({ shards: [0], replicationFactor: 0, nodes: [{ nodeId: 1 }] }),
    ).toThrow('replication factor');
  });
});
