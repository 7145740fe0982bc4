/**
 * Goal: a group's membership changes under load and loses nothing, whatever crashes between two
 * steps; a replica is deleted on the catalog's word alone (protocols.md P16), and an empty one
 * takes no part before it has its first snapshot. Method: the steps of a move by hand, as the
 * manager takes them, on a simulated cluster with a checked workload.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { isDynakvError } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import { decodeSchemaRow, schemaRowKey } from '../items/schema-row.ts';
import type { TableSpec } from '../items/table.ts';
import { catalogKeys, catalogRow } from '../manager/catalog.ts';
import { ConfChangeType } from '../raft/conf-change.ts';
import type { ConfChangeSingle } from '../raft/conf-change.ts';
import type { Call } from '../router/ports.ts';
import type { NodeId } from '../sys/network.ts';
import { checkLinearizable } from './checkers/linearizability.ts';
import { SimCluster } from './cluster.ts';
import { History } from './history.ts';
import { ManagerHands } from './manager-hands.ts';
import { RegisterClients } from './register-clients.ts';
import { Acked, compaction, core, settleCaughtUp, testMs } from './testing-scenarios.ts';

const { addLearner, addVoter, remove, update } = ConfChangeType;
const keys = ['a', 'b', 'c', 'd', 'e'];

function holds(cluster: SimCluster, nodeId: NodeId, groupId: number): boolean {
  return cluster.core(nodeId)?.host.groups.has(groupId) === true;
}

/** A row of a node's replica, as it has applied it. */
async function readRow(
  cluster: SimCluster,
  nodeId: NodeId,
  groupId: number,
  key: Buffer,
): Promise<Buffer | null | undefined> {
  const { replica } = must(core(cluster, nodeId).host.groups.get(groupId));
  const name = key.toString('latin1');
  if (replica.read(name) === undefined) {
    await cluster.settle(
      new Promise<void>((resolve) => {
        replica.fetch(key, name, () => {
          resolve();
        });
        core(cluster, nodeId).host.turnSoon();
      }),
    );
  }
  return replica.read(name);
}

describe('membership', () => {
  test(
    'a node joins, gets a shard and serves it; the node that had it lets go of everything',
    async () => {
      const cluster = new SimCluster({ seed: 1, nodes: 3, shards: 2, compaction, manages: false });
      await cluster.start();
      const acked = new Acked();
      await acked.fill(cluster, 1, 24, 400);
      const hands = new ManagerHands(cluster, 1);
      const joined = await cluster.addNode(2);
      expect(joined).toBe(4);
      await hands.welcome(joined);
      await hands.move(1, 3, joined);
      const gone = (): boolean => holds(cluster, joined, 1) && !holds(cluster, 3, 1);
      expect(await cluster.scheduler.runUntil(gone, 10_000)).toBe(true);
      await settleCaughtUp(cluster, joined);
      await acked.check(cluster, joined, false);
      await acked.check(cluster, 3, true);
      // Nothing of it is left in the engine of node 3, and it does not come back by a restart.
      const generations = core(cluster, 3).parts.generations.groups();
      expect(generations.map((pointer) => pointer.groupId)).toEqual([0, 2]);
      await acked.fill(cluster, 3, 24, 300);
      for (const nodeId of cluster.nodeIds) {
        cluster.crash(nodeId, true);
      }
      for (const nodeId of cluster.nodeIds) {
        await cluster.boot(nodeId);
      }
      await settleCaughtUp(cluster, joined);
      expect(holds(cluster, 3, 1)).toBe(false);
      await acked.check(cluster, joined, false);
      expect(cluster.failures).toEqual([]);
    },
    testMs,
  );

  test(
    'a replica cut short while it is made or deleted is finished at the next start',
    async () => {
      const cluster = new SimCluster({ seed: 2, nodes: 3, shards: 1, compaction, manages: false });
      await cluster.start();
      const acked = new Acked();
      await acked.fill(cluster, 1, 12, 400);
      const hands = new ManagerHands(cluster, 1);
      await hands.welcome(await cluster.addNode(1));
      // Its nodes take turns: node 4 gets the shard from node 3, then node 3 from node 4 …
      for (let round = 0; round < 16; round++) {
        const [from, to] = round % 2 === 0 ? [3, 4] : [4, 3];
        await hands.give(1, to);
        await cluster.scheduler.runFor(round * 0.7);
        cluster.crash(to, round % 4 < 2);
        await cluster.boot(to);
        await hands.move(1, from, to);
        await cluster.scheduler.runFor(round * 0.5);
        cluster.crash(from, round % 4 < 2);
        await cluster.boot(from);
        const moved = (): boolean => holds(cluster, to, 1) && !holds(cluster, from, 1);
        expect(await cluster.scheduler.runUntil(moved, 20_000)).toBe(true);
        await settleCaughtUp(cluster, to);
        await acked.check(cluster, to, false);
      }
      const { removed, replicas } = must(core(cluster, 1).catalog.groups.get(1));
      expect(removed.reduce((count, [first, last]) => count + last - first + 1, 0)).toBe(16);
      expect(replicas.map((replica) => replica.nodeId).sort()).toEqual([1, 2, 3]);
      expect(cluster.failures).toEqual([]);
    },
    testMs,
  );

  test(
    'P16: a replica that the catalog does not list is kept; only one that is gone is deleted',
    async () => {
      const cluster = new SimCluster({ seed: 3, nodes: 3, shards: 1, manages: false });
      await cluster.start();
      const { catalog, replicas } = core(cluster, 3);
      const record = must(catalog.groups.get(1));
      const own = must(record.replicas.find((replica) => replica.nodeId === 3));
      const others = record.replicas.filter((replica) => replica !== own);
      catalog.apply([catalogRow(catalogKeys.group(1), { ...record, replicas: others })]);
      await cluster.scheduler.runFor(1_000);
      expect(holds(cluster, 3, 1)).toBe(true);
      const removed = [[own.replicaId, own.replicaId]] as const;
      catalog.apply([catalogRow(catalogKeys.group(1), { ...record, replicas: others, removed })]);
      await cluster.scheduler.runFor(1_000);
      expect([holds(cluster, 3, 1), replicas.counts.deleted]).toEqual([false, 1]);
      // An older copy of the catalog lists it again: the log's tombstone keeps it away.
      catalog.apply([catalogRow(catalogKeys.group(1), record)]);
      await cluster.scheduler.runFor(1_000);
      expect([holds(cluster, 3, 1), replicas.counts.made]).toEqual([false, 0]);
    },
    testMs,
  );

  test(
    'P16: a change decided on an older configuration is refused, however late it comes',
    async () => {
      const cluster = new SimCluster({ seed: 4, nodes: 3, shards: 1, manages: false });
      await cluster.start();
      const hands = new ManagerHands(cluster, 1);
      await hands.welcome(await cluster.addNode(1));
      const added = await hands.give(1, 4);
      const before = await hands.describe(1);
      const late = {
        kind: 'configure',
        expectedIndex: before.configurationIndex,
        changes: [{ type: addLearner, id: added }],
      } as const;
      // The addition is called off: an empty change shuts out whatever is still on its way.
      await hands.configure(1, [{ type: update, id: before.replicaId }]);
      await expect(hands.call(1, late)).rejects.toMatchObject({
        facts: { reason: 'ConfigurationChanged' },
      });
      const after = await hands.describe(1);
      expect(after.confState).toEqual(before.confState);
      await hands.forget(1, added);
      expect(await cluster.scheduler.runUntil(() => !holds(cluster, 4, 1), 5_000)).toBe(true);
    },
    testMs,
  );

  test(
    'P18: a replica set that moves carries its schema rows; a late entry revives nothing',
    async () => {
      const cluster = new SimCluster({ seed: 6, nodes: 3, shards: 2, compaction, manages: false });
      await cluster.start();
      const hands = new ManagerHands(cluster, 1);
      const { tables, router, catalog } = core(cluster, 1);
      const call = (): Call => ({ deadlineMs: cluster.scheduler.nowMs + 10_000, requestId: 'r' });
      const spec: TableSpec = {
        ...{ name: 't', partitionKey: { name: 'id', type: 'S' } },
        ...{ billingMode: 'PAY_PER_REQUEST', deletionProtection: false },
      };
      await cluster.settle(tables.create(spec, call()));
      // The table goes to all shards while one of them moves to nodes that know nothing of it.
      for (const from of [1, 2, 3]) {
        const joined = await cluster.addNode(1);
        await hands.welcome(joined);
        await hands.move(1, from, joined);
      }
      const active = (): boolean => catalog.tables.get('t')?.status === 'ACTIVE';
      expect(await cluster.scheduler.runUntil(active, 10_000)).toBe(true);
      const { tableId } = must(catalog.tables.get('t'));
      await cluster.settle(tables.remove('t', call()));
      for (const to of [1, 2, 3]) {
        await hands.move(1, to + 3, to);
      }
      expect(await cluster.scheduler.runUntil(() => !catalog.tables.has('t'), 10_000)).toBe(true);
      const late = { tableId, version: 1, state: 'live' } as const;
      await cluster.settle(router.schema(1, late, cluster.scheduler.nowMs + 10_000));
      for (const nodeId of [1, 2, 3]) {
        const row = await readRow(cluster, nodeId, 1, schemaRowKey(tableId));
        expect(decodeSchemaRow(must(row))).toEqual({ tableId, version: 2, state: 'dropped' });
      }
    },
    testMs,
  );

  test(
    'what would break a group is refused with its reason, and changes nothing',
    async () => {
      const cluster = new SimCluster({ seed: 5, nodes: 3, shards: 1, manages: false });
      await cluster.start();
      const hands = new ManagerHands(cluster, 1);
      await hands.welcome(await cluster.addNode(1));
      const added = await hands.give(1, 4);
      const { replicaId, configurationIndex: expectedIndex } = await hands.describe(1);
      const attempt = async (changes: readonly ConfChangeSingle[]): Promise<unknown> => {
        const failure = await hands
          .call(1, { kind: 'configure', expectedIndex, changes })
          .catch((error: unknown) => error);
        return isDynakvError(failure) ? failure.facts['reason'] : failure;
      };
      expect(await attempt([{ type: addVoter, id: added }])).toBe('LearnerBehind');
      expect(await attempt([{ type: remove, id: replicaId }])).toBe('LeaderLeaves');
      expect(await attempt([])).toBe('ConfigurationJoint');
      const others = [1, 2, 3].filter((id) => id !== replicaId);
      const nodes = core(cluster, 1).host.groups.get(1)?.nodes;
      const lost = must(nodes?.get(must(others[0])));
      const kept = must(others[1]);
      if (lost === 1) {
        hands.through = must(nodes?.get(replicaId));
      }
      cluster.crash(lost, false);
      await cluster.scheduler.runFor(3_000);
      expect(await attempt([{ type: remove, id: kept }])).toBe('QuorumAtRisk');
      expect((await hands.describe(1)).configurationIndex).toBe(expectedIndex);
    },
    testMs,
  );

  test.each([21, 22, 23, 24])(
    'seed %i: linearizable while replicas move about and nodes crash',
    async (seed) => {
      const cluster = new SimCluster({ seed, nodes: 3, shards: 2, compaction, manages: false });
      const random = new Prng(seed ^ 0x5eed);
      await cluster.start();
      const hands = new ManagerHands(cluster, 1);
      await hands.welcome(await cluster.addNode(1));
      await hands.welcome(await cluster.addNode(1));
      const history = new History();
      const clients = new RegisterClients(cluster, history, random, keys);
      clients.start(6);
      for (let round = 0; round < 10; round++) {
        const groupId = 1 + random.below(2);
        const record = must(core(cluster, 1).catalog.groups.get(groupId));
        const on = record.replicas.map((replica) => replica.nodeId);
        const from = random.pick(on);
        const to = random.pick(cluster.nodeIds.filter((nodeId) => !on.includes(nodeId)));
        await hands.move(groupId, from, to);
        const victim = random.pick(cluster.nodeIds.filter((nodeId) => nodeId !== 1));
        cluster.crash(victim, random.chance(0.5));
        await cluster.scheduler.runFor(random.below(1_500));
        await cluster.boot(victim);
        await cluster.scheduler.runFor(random.below(500));
      }
      clients.stop();
      expect(await cluster.ready()).toBe(true);
      await cluster.scheduler.runUntil(() => clients.underWay === 0, 30_000);
      expect(cluster.failures).toEqual([]);
      expect(clients.done).toBeGreaterThan(200);
      expect(checkLinearizable(history.operations())).toMatchObject({ kind: 'linearizable' });
    },
    testMs,
  );
});
