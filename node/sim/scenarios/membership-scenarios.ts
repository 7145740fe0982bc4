/**
 * Clusters that grow, shrink, lose nodes and heal, by name: each a function of a seed, under
 * clients, judged in the end (`watched-cluster.ts`). What the scenario itself promises is asserted
 * here; a broken promise is thrown with a sentence.
 */
import { assert, must } from '../../lib/assert.ts';
import { isDynakvError } from '../../lib/errors.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Group } from '../../host/group.ts';
import { decodeSchemaRow, schemaRowKey } from '../../items/schema-row.ts';
import type { TableSpec } from '../../items/table.ts';
import type { Call } from '../../router/ports.ts';
import { systemGroupId } from '../../shards/groups.ts';
import type { NodeId } from '../../sys/network.ts';
import { WatchedCluster } from './watched-cluster.ts';
import type { ScenarioReport } from './watched-cluster.ts';

function twoOf(random: Prng, nodeIds: readonly NodeId[]): readonly [NodeId, NodeId] {
  const first = random.pick(nodeIds);
  return [first, random.pick(nodeIds.filter((nodeId) => nodeId !== first))];
}

/** Grows 3 → 5, shrinks back to other three; the manager dies in between, again and again. */
async function growAndShrink(seed: number): Promise<ScenarioReport> {
  const watched = await WatchedCluster.start(seed, { nodes: 3 });
  const { managed, random } = watched;
  const joined = [await managed.grow(), await managed.grow()];
  await watched.pass(random.below(2_000));
  await watched.crashManager();
  await managed.settle();
  for (const nodeId of joined) {
    assert(managed.copiesOn(nodeId) >= 2, `Node ${nodeId} has its share`);
  }
  for (const nodeId of twoOf(random, [1, 2, 3])) {
    await managed.setState(nodeId, 'draining');
    await watched.pass(random.below(1_000));
    await watched.crashManager();
    await managed.untilState(nodeId, 'drained');
    await managed.settle();
    await managed.remove(nodeId);
  }
  return await watched.end();
}

/** One node becomes three and five: copies and system voters rise by themselves. */
async function copiesRise(seed: number): Promise<ScenarioReport> {
  const watched = await WatchedCluster.start(seed, { nodes: 1 });
  const { managed } = watched;
  const voters = (groupId: number): number => managed.held(groupId)?.voters.length ?? 0;
  for (const [nodes, copies, systemVoters] of [
    [2, 1, 1],
    [3, 3, 3],
    [4, 3, 3],
    [5, 3, 5],
  ] as const) {
    await managed.grow();
    await managed.settle();
    const { effectiveFactor } = managed.catalog.cluster;
    assert(effectiveFactor === copies, `${nodes} nodes: ${effectiveFactor} copies`);
    const found = voters(systemGroupId);
    assert(found === systemVoters, `${nodes} nodes: ${found} system voters`);
  }
  return await watched.end();
}

/** A node gone longer than the grace period is replaced; back, it is active, old copies gone. */
async function deadNodeReturns(seed: number): Promise<ScenarioReport> {
  const watched = await WatchedCluster.start(seed, { shards: 8 });
  const { managed, sim } = watched;
  await watched.setGrace(10_000);
  sim.crash(4, true);
  await watched.pass(7_000);
  assert(managed.stateOf(4) === 'active', 'Within the grace period nothing is replaced');
  await managed.untilState(4, 'dead');
  await managed.settle();
  assert(managed.copiesOn(4) === 0, 'What it held is elsewhere');
  const held = new Map(
    managed.shardIds.map((id) => [id, managed.catalog.groups.get(id)?.nextReplicaId ?? 0]),
  );
  await watched.keep(6, 300);
  await sim.boot(4);
  await managed.untilState(4, 'active');
  await managed.settle();
  for (const group of must(sim.core(4)).host.groups.values()) {
    const isNew = group.replicaId >= (held.get(group.groupId) ?? 0);
    assert(isNew || group.groupId === systemGroupId, `Group ${group.groupId}: no old copy is left`);
  }
  return await watched.end();
}

/**
 * Two of five go at once: shards with two copies left are repaired, those with one are named, and
 * serve again when either node returns.
 */
async function twoOfFive(seed: number): Promise<ScenarioReport> {
  const watched = await WatchedCluster.start(seed, { nodes: 5, shards: 8 });
  const { managed, sim, random } = watched;
  await watched.setGrace(8_000);
  const lost = twoOf(random, [1, 2, 3, 4, 5]);
  const isOn = (groupId: number, nodeId: NodeId): boolean =>
    managed.catalog.groups.get(groupId)?.replicas.some((each) => each.nodeId === nodeId) === true;
  const hit = managed.shardIds.filter((id) => lost.every((nodeId) => isOn(id, nodeId)));
  const maimed = managed.shardIds.filter(
    (id) => lost.filter((nodeId) => isOn(id, nodeId)).length === 1,
  );
  for (const nodeId of lost) {
    sim.crash(nodeId, random.chance(0.5));
  }
  for (const nodeId of lost) {
    await managed.untilState(nodeId, 'dead');
  }
  const isRepaired = (groupId: number): boolean => {
    const held = managed.held(groupId);
    return held?.voters.length === 3 && !held.voters.some((nodeId) => lost.includes(nodeId));
  };
  await managed.until('shards with two copies left are repaired', () => maimed.every(isRepaired));
  await watched.pass(6_000);
  const refusal = managed.manager?.manager.refusals.find(
    ({ reason }) => reason === 'LeaderlessShards',
  );
  const named = [...(refusal?.groups ?? [])].sort((a, b) => a - b);
  assert(
    JSON.stringify(named) === JSON.stringify(hit),
    `Shards with one copy are named: ${named.join(' ')}, not ${hit.join(' ')}`,
  );
  const back = random.pick(lost);
  await sim.boot(back);
  const isLed = (groupId: number): boolean => managed.held(groupId) !== undefined;
  await managed.until('they serve again with one of the two', () => hit.every(isLed), 30_000);
  await managed.untilState(back, 'active');
  await managed.until('everything is repaired', () => managed.shardIds.every(isWhole), 200_000);
  await sim.boot(must(lost.find((nodeId) => nodeId !== back)));
  return await watched.end();

  function isWhole(groupId: number): boolean {
    const held = managed.held(groupId);
    return held?.voters.length === 3 && held.voters.every((id) => sim.core(id) !== undefined);
  }
}

/**
 * P11: a store fails; its node is dead at once and never let in again, its copies are replaced
 * under new ids elsewhere, and the machine returns with a new disk as another node.
 */
async function storeFails(seed: number): Promise<ScenarioReport> {
  const watched = await WatchedCluster.start(seed, { nodes: 4, shards: 4 });
  const { managed, sim, random } = watched;
  const victim = 1 + random.below(4);
  sim.disk(victim).failNext('EIO', ({ kind }) => kind === 'datasync');
  await managed.until('its store fails', () => sim.failures.length > 0, 60_000);
  assert(
    sim.failures.every(({ nodeId }) => nodeId === victim),
    'No other store fails',
  );
  sim.failures.length = 0;
  const isNoted = (): boolean =>
    managed.catalog.nodes.get(victim)?.quarantined !== undefined && sim.core(victim) !== undefined;
  await managed.until('the catalog says so', isNoted, 30_000);
  sim.crash(victim, false);
  await managed.untilState(victim, 'dead', 30_000);
  await managed.settle();
  assert(managed.copiesOn(victim) === 0, 'Nothing counts on the failed store any more');
  await managed.grow();
  await managed.remove(victim);
  return await watched.end();
}

/** P17: three nodes with three copies: a dead one is not replaced, it is said, nothing shrinks. */
async function nowhereToGo(seed: number): Promise<ScenarioReport> {
  const watched = await WatchedCluster.start(seed, { nodes: 3 });
  const { managed, sim } = watched;
  await watched.setGrace(5_000);
  sim.crash(3, true);
  await managed.untilState(3, 'dead');
  await watched.pass(15_000);
  for (const groupId of managed.groupIds) {
    const voters = managed.held(groupId)?.voters ?? [];
    assert(voters.join() === '1,2,3', `Group ${groupId} keeps its three voters: ${voters.join()}`);
  }
  const reasons = managed.manager?.manager.refusals.map(({ reason }) => reason) ?? [];
  assert(reasons.includes('NothingToMoveTo'), `It is said: ${reasons.join()}`);
  const refused = await managed.remove(3).then(
    () => 'removed',
    (error: unknown) => (isDynakvError(error) ? error.facts['reason'] : error),
  );
  assert(refused === 'HoldsReplicas', `It is not removed: ${String(refused)}`);
  await managed.grow();
  await managed.settle();
  await managed.remove(3);
  return await watched.end();
}

/** Nodes crash over and over under writes, with logs so small that each return needs snapshots. */
async function snapshotStorm(seed: number): Promise<ScenarioReport> {
  const watched = await WatchedCluster.start(seed, { nodes: 4, shards: 8 });
  const { managed, sim, random } = watched;
  sim.network.options = { ...sim.network.options, snapshotBreakChance: 0.05 };
  const before = installed(watched);
  for (let round = 0; round < 8; round++) {
    const victim = 1 + random.below(4);
    sim.crash(victim, random.chance(0.5));
    await watched.keep(4, 2_000);
    await sim.boot(victim);
    if (round === 3) {
      await managed.setState(4, 'draining');
    }
    await watched.pass(random.below(2_000));
  }
  await managed.setState(4, 'active');
  await managed.settle();
  assert(installed(watched) > before, 'Snapshots were needed');
  return await watched.end();
}

function installed({ sim }: WatchedCluster): number {
  return sim.nodeIds.reduce((sum, id) => sum + (sim.core(id)?.snapshotter.installed ?? 0), 0);
}

/** The disk of a newcomer fills up while copies go to it: they wait, named, and go on with room. */
async function diskFills(seed: number): Promise<ScenarioReport> {
  const watched = await WatchedCluster.start(seed, { nodes: 3, shards: 4 });
  const { managed, sim } = watched;
  await watched.keep(40, 20_000);
  const joined = await managed.grow();
  await managed.until('a copy goes there', () => managed.manager?.manager.runner.active.size !== 0);
  sim.disk(joined).capacityBytes = sim.disk(joined).usedBytes;
  const isNamed = (): boolean =>
    [...(managed.manager?.manager.runner.active.values() ?? [])].some(({ blockedBy }) =>
      blockedBy.includes('InsufficientFreeSpace'),
    );
  await managed.until('what waits says why', isNamed, 60_000);
  await watched.keep(4, 300);
  sim.disk(joined).capacityBytes = Infinity;
  await managed.settle();
  assert(managed.copiesOn(joined) >= 2, 'It has its share in the end');
  return await watched.end();
}

/**
 * P12: a disk put back to an earlier state is let in by nobody, also after many boots; its node
 * counts as gone and is replaced, and the machine returns as another node.
 */
async function oldDisk(seed: number): Promise<ScenarioReport> {
  const watched = await WatchedCluster.start(seed, { nodes: 4, hellos: true });
  const { managed, sim } = watched;
  sim.crash(4, false);
  const copy = sim.copyStores(4);
  await sim.boot(4);
  await watched.keep(8, 300);
  await managed.settle();
  assert(sim.refusals.length === 0, 'Its own disk is let in');
  sim.crash(4, true);
  sim.putStoresBack(4, copy);
  for (let boot = 0; boot < 3; boot++) {
    await sim.boot(4);
    await watched.pass(2_000);
    sim.crash(4, false);
  }
  await sim.boot(4);
  await watched.setGrace(5_000);
  await watched.keep(8, 300);
  const by = new Set(sim.refusals.map(({ by: host }) => host));
  assert(
    [1, 2, 3].every((nodeId) => by.has(nodeId)),
    `Refused by all: ${[...by].join()}`,
  );
  const reasons = new Set(sim.refusals.map(({ reason }) => reason));
  assert(reasons.has('BootUnknown'), `Refused as rolled back: ${[...reasons].join()}`);
  await managed.untilState(4, 'dead');
  await managed.settle();
  sim.crash(4, false);
  await managed.grow(1);
  await managed.settle();
  await managed.remove(4);
  return await watched.end();
}

const spec: TableSpec = {
  ...{ name: 't', partitionKey: { name: 'id', type: 'S' } },
  ...{ billingMode: 'PAY_PER_REQUEST', deletionProtection: false },
};

/**
 * P18: tables are made and dropped while copies move and the manager dies: each replica of each
 * shard, wherever it came to lie, says of each table what the catalog says.
 */
async function schemaMoves(seed: number): Promise<ScenarioReport> {
  const watched = await WatchedCluster.start(seed, { nodes: 3 });
  const { managed, sim } = watched;
  const call = (): Call => ({ deadlineMs: sim.scheduler.nowMs + 20_000, requestId: 'schema' });
  await managed.grow();
  const ids: number[] = [];
  for (let round = 0; round < 3; round++) {
    await managed.until('a node manages', () => managed.manager !== undefined);
    await sim.settle(managed.any().tables.create(spec, call())).catch(() => undefined);
    await watched.crashManager();
    const isActive = (): boolean => managed.catalog.tables.get('t')?.status === 'ACTIVE';
    await managed.until('the table is active', isActive, 60_000);
    ids.push(must(managed.catalog.tables.get('t')).tableId);
    await managed.setState(4, round % 2 === 0 ? 'draining' : 'active');
    if (round < 2) {
      await sim.settle(managed.any().tables.remove('t', call())).catch(() => undefined);
      await managed.until('the table is gone', () => !managed.catalog.tables.has('t'), 60_000);
    }
  }
  await managed.settle();
  for (const nodeId of sim.nodeIds) {
    for (const group of must(sim.core(nodeId)).host.groups.values()) {
      for (const [i, tableId] of group.groupId === systemGroupId ? [] : ids.entries()) {
        const row = await readRow(watched, nodeId, group, schemaRowKey(tableId));
        const state = row === undefined ? 'absent' : decodeSchemaRow(row).state;
        const wanted = i === ids.length - 1 ? 'live' : 'dropped';
        const where = `group ${group.groupId} on node ${nodeId}`;
        assert(state === wanted, `Table ${tableId} is ${wanted} in ${where}: ${state}`);
      }
    }
  }
  return await watched.end();
}

/** A row as a replica has applied it. */
async function readRow(
  { sim }: WatchedCluster,
  nodeId: NodeId,
  { replica }: Group,
  key: Buffer,
): Promise<Buffer | undefined> {
  const name = key.toString('latin1');
  if (replica.read(name) === undefined) {
    await sim.settle(
      new Promise<void>((resolve) => {
        replica.fetch(key, name, () => {
          resolve();
        });
        must(sim.core(nodeId)).host.turnSoon();
      }),
    );
  }
  return replica.read(name) ?? undefined;
}

export const membershipScenarios = {
  growAndShrink,
  copiesRise,
  deadNodeReturns,
  twoOfFive,
  storeFails,
  nowhereToGo,
  snapshotStorm,
  diskFills,
  oldDisk,
  schemaMoves,
} as const satisfies Readonly<Record<string, (seed: number) => Promise<ScenarioReport>>>;
