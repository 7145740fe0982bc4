/** The birth plan: same plan, same bytes on every node; all that is wrong with one, at once. */
import { describe, expect, test } from '@jest/globals';
import { schemaRowKey } from '../items/schema-row.ts';
import { planShards } from '../shards/planner.ts';
import { bornGroups, planProblems } from './bootstrap.ts';
import type { BootstrapPlan } from './bootstrap.ts';
import { Catalog } from './catalog.ts';

function planOf(nodes: number, changes: Partial<BootstrapPlan> = {}): BootstrapPlan {
  return {
    clusterId: 'c1',
    members: Array.from({ length: nodes }, (_, i) => ({
      nodeId: i + 1,
      address: `n${i + 1}:7000`,
      clientAddress: `n${i + 1}:8000`,
      opsAddress: `n${i + 1}:9100`,
    })),
    shardCount: 8,
    replicationFactor: 3,
    createdAtMs: 1_700_000_000_000,
    ...changes,
  };
}

function catalogOf(plan: BootstrapPlan): Catalog {
  const catalog = new Catalog();
  catalog.load(bornGroups(plan)[0]?.rows ?? []);
  return catalog;
}

describe('bornGroups()', () => {
  test('is the same whatever the order of the members', () => {
    const plan = planOf(5);
    const turned = { ...plan, members: [...plan.members].reverse() };
    expect(bornGroups(planOf(5))).toEqual(bornGroups(plan));
    const [system, ...shards] = bornGroups(turned);
    expect(shards).toEqual(bornGroups(plan).slice(1));
    expect(system?.replicas).toEqual(bornGroups(plan)[0]?.replicas);
    expect(catalogOf(turned).groups).toEqual(catalogOf(plan).groups);
  });

  test.each([
    [1, 1, 1],
    [2, 1, 1],
    [3, 3, 3],
    [4, 3, 3],
    [6, 3, 5],
  ])('%i nodes: %i copies of a shard, %i voters of the system group', (nodes, copies, voters) => {
    const [system, ...shards] = bornGroups(planOf(nodes));
    expect(system?.confState.voters).toHaveLength(voters);
    expect(system?.confState.learners).toHaveLength(nodes - voters);
    expect(shards).toHaveLength(8);
    for (const shard of shards) {
      expect(shard.confState.voters).toHaveLength(copies);
      expect(shard.replicas.map(({ nodeId }) => nodeId)).toContain(shard.preferredLeader);
      expect(shard.rows.map(({ key }) => key)).toEqual([schemaRowKey(1)]);
    }
  });

  test('system voters lie in as many zones as they can, so that no plan moves one', () => {
    const zones = ['a', 'a', 'a', 'a', 'b', 'b', 'c'];
    const members = planOf(7).members.map((member, i) => ({ ...member, zone: zones[i] }));
    const [system] = bornGroups(planOf(7, { members }));
    const voters = system?.confState.voters ?? [];
    const nodes = voters.map(
      (id) => system?.replicas.find(({ replicaId }) => replicaId === id)?.nodeId ?? 0,
    );
    expect(nodes.map((nodeId) => zones[nodeId - 1]).sort()).toEqual(['a', 'a', 'b', 'b', 'c']);
    expect(nodes).toContain(system?.preferredLeader);
    const replicas = (system?.replicas ?? []).map(({ replicaId, nodeId }) => ({
      nodeId,
      role: voters.includes(replicaId) ? ('voter' as const) : ('learner' as const),
    }));
    const view = {
      nodes: members.map(({ nodeId, zone }) => ({ nodeId, zone, state: 'active' as const })),
      groups: [{ groupId: 0, replicas, preferredLeader: system?.preferredLeader }],
      ...{ replicationFactor: 3, effectiveFactor: 3 },
    };
    expect(planShards({ view }).moves).toEqual([]);
  });

  test('the catalog knows cluster, nodes, groups and the table kv, and its next ids', () => {
    const catalog = catalogOf(planOf(3));
    expect(catalog.cluster).toMatchObject({ clusterId: 'c1', nextNodeId: 4, nextTableId: 2 });
    expect([...catalog.nodes.keys()]).toEqual([1, 2, 3]);
    expect(catalog.groups.size).toBe(9);
    expect(catalog.tables.get('kv')).toMatchObject({ tableId: 1, status: 'ACTIVE' });
    for (const group of catalog.groups.values()) {
      expect(group.nextReplicaId).toBe(group.replicas.length + 1);
    }
  });

  test('leaders are spread', () => {
    const led = new Map<number, number>();
    for (const group of bornGroups(planOf(3, { shardCount: 16 })).slice(1)) {
      led.set(group.preferredLeader, (led.get(group.preferredLeader) ?? 0) + 1);
    }
    expect(Math.max(...led.values()) - Math.min(...led.values())).toBeLessThanOrEqual(1);
  });
});

describe('planProblems()', () => {
  test('a good plan has none', () => {
    expect(planProblems(planOf(1))).toEqual([]);
  });

  test('all of them are named at once', () => {
    const member = { nodeId: 0, address: '', clientAddress: '', opsAddress: '' };
    const problems = planProblems({
      clusterId: '',
      members: [member, member],
      shardCount: 12,
      replicationFactor: 2,
      createdAtMs: 0,
    });
    for (const part of [
      'a node id twice',
      'an address twice',
      'node ids of 1',
      'an address of node 0',
      'a power of two',
      '"createdAtMs"',
      '"replicationFactor" must be 1, 3, 5 or 7: 2',
      '"clusterId"',
    ]) {
      expect(problems.join('; ')).toContain(part);
    }
    expect(() => bornGroups(planOf(0))).toThrow('must name at least one node');
  });
});
