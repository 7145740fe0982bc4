/**
 * The router in a whole simulated cluster. Goal: only what surely was not done is tried again, an
 * unknown outcome is never hidden, every command ends by its deadline. Method: SimCluster with
 * cuts and pauses; frames to a node are forged where the wire matters.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { isDynakvError } from '../lib/errors.ts';
import type { ErrorCode } from '../lib/errors.ts';
import type { NodeCore } from '../manager/node-core.ts';
import { ConfChangeType } from '../raft/conf-change.ts';
import { SimCluster } from '../sim/cluster.ts';
import { kvPut, kvTarget } from '../sim/register-clients.ts';
import { FrameKind } from '../sys/network.ts';
import { decodeReply, encodeRequest } from './command-codec.ts';
import type { AnyCommand, AnyReply } from './command-codec.ts';

const groupId = 1;

async function started(nodes = 3): Promise<SimCluster> {
  const cluster = new SimCluster({ seed: 7, nodes, shards: 1 });
  await cluster.start();
  return cluster;
}

function coreOf(cluster: SimCluster, nodeId: number): NodeCore {
  const core = cluster.core(nodeId);
  expect(core).toBeDefined();
  return core as NodeCore;
}

function leaderOf(cluster: SimCluster): number {
  const leads = (nodeId: number): boolean =>
    (cluster.core(nodeId)?.host.groups.get(groupId)?.openTerm ?? 0) !== 0;
  return cluster.nodeIds.find(leads) ?? 0;
}

function othersOf(cluster: SimCluster, nodeId: number): number[] {
  return cluster.nodeIds.filter((other) => other !== nodeId);
}

/** Runs a command at a node to its end: the reply's kind or the error's code. */
async function outcome(
  cluster: SimCluster,
  nodeId: number,
  command: AnyCommand,
  ms: number,
): Promise<string> {
  const { router } = coreOf(cluster, nodeId);
  const ended = router.call(groupId, command, cluster.scheduler.nowMs + ms).then(
    (reply: AnyReply) => reply.kind,
    (error: unknown) => (isDynakvError(error) ? error.code : String(error)),
  );
  return await cluster.settle(ended);
}

const read: AnyCommand = { ...kvTarget('a'), kind: 'get', consistent: true };
const readAny: AnyCommand = { ...kvTarget('a'), kind: 'get', consistent: false };

describe('Router', () => {
  test('a command ends by its deadline: a write on its way as unknown, a read as not done', async () => {
    const cluster = await started();
    const leader = leaderOf(cluster);
    const gateway = othersOf(cluster, leader)[0] ?? 0;
    cluster.network.partition([leader], othersOf(cluster, leader));
    const startMs = cluster.scheduler.nowMs;
    // Well below the time in which the loss of the peer is noticed.
    expect(await outcome(cluster, gateway, kvPut('a', '1'), 80)).toBe('OutcomeUnknown');
    expect(await outcome(cluster, gateway, read, 80)).toBe('Unavailable');
    expect(cluster.scheduler.nowMs - startMs).toBeLessThan(80 + 80 + 150);
    expect(coreOf(cluster, gateway).router.unknownOutcomes).toBe(1);
    expect(coreOf(cluster, gateway).router.underWay).toBe(0);
  });

  test('a read outlives the leader that it was sent to', async () => {
    const cluster = await started();
    expect(await outcome(cluster, 1, kvPut('a', '1'), 2_000)).toBe('written');
    const leader = leaderOf(cluster);
    const gateway = othersOf(cluster, leader)[0] ?? 0;
    cluster.network.partition([leader], othersOf(cluster, leader));
    expect(await outcome(cluster, gateway, read, 20_000)).toBe('got');
    expect(leaderOf(cluster)).not.toBe(0);
    expect([...coreOf(cluster, gateway).router.retries.values()].some((n) => n > 0)).toBe(true);
  });

  test('clients’ requests are measured, the steps of a move are not', async () => {
    const cluster = await started();
    const leader = coreOf(cluster, leaderOf(cluster));
    const count = async (command: AnyCommand): Promise<number> => {
      leader.load.take();
      await outcome(cluster, leaderOf(cluster), command, 2_000);
      return leader.load.take().requests.count;
    };
    expect(await count({ kind: 'describe', confirmed: true })).toBe(0);
    expect(await count(kvPut('a', '1'))).toBe(1);
  });

  test('a minority answers nothing but eventual reads', async () => {
    const cluster = await started();
    const [cut, ...others] = [1, 2, 3];
    cluster.network.partition([cut ?? 0], others);
    await cluster.scheduler.runFor(5_000);
    expect(await outcome(cluster, 1, read, 500)).toBe('Unavailable');
    expect(await outcome(cluster, 1, kvPut('a', '1'), 500)).toBe('Unavailable');
    expect(await outcome(cluster, 1, readAny, 500)).toBe('got');
  });

  test('another schema and a throttle are the caller’s to see', async () => {
    const cluster = await started();
    const mismatch = { ...kvTarget('a'), schemaVersion: 9, kind: 'get', consistent: true } as const;
    const gateway = othersOf(cluster, leaderOf(cluster))[0] ?? 0;
    expect(await outcome(cluster, gateway, mismatch, 5_000)).toBe('SchemaMismatch');
    expect(coreOf(cluster, gateway).router.retries.size).toBe(0);
  });

  test('a node without a replica finds the leader', async () => {
    const cluster = await started(4);
    const without = cluster.nodeIds.find(
      (nodeId) => !coreOf(cluster, nodeId).host.groups.has(groupId),
    );
    expect(without).toBeDefined();
    const gateway = without ?? 0;
    expect(await outcome(cluster, gateway, kvPut('a', '1'), 5_000)).toBe('written');
    expect(await outcome(cluster, gateway, readAny, 5_000)).toBe('got');
    // Also when the node that it believes in is gone.
    cluster.crash(leaderOf(cluster), false);
    expect(await outcome(cluster, gateway, read, 20_000)).toBe('got');
  });

  test('a replica that missed its removal hides no leader', async () => {
    const cluster = new SimCluster({ seed: 7, nodes: 3, shards: 1, manages: false });
    await cluster.start();
    const leader = leaderOf(cluster);
    const gateway = must(othersOf(cluster, leader)[0]);
    const { replicaId } = must(coreOf(cluster, gateway).host.groups.get(groupId));
    cluster.network.partition([gateway], othersOf(cluster, gateway));
    const { router } = coreOf(cluster, leader);
    const deadlineMs = cluster.scheduler.nowMs + 20_000;
    const { index: expectedIndex } = must(coreOf(cluster, leader).host.groups.get(groupId)).replica
      .configuration;
    const changes = [{ type: ConfChangeType.remove, id: replicaId }];
    await cluster.settle(
      router.call(groupId, { kind: 'configure', expectedIndex, changes }, deadlineMs),
    );
    await cluster.scheduler.runFor(5_000);
    cluster.network.heal();
    await cluster.scheduler.runFor(5_000);
    const zombie = must(coreOf(cluster, gateway).host.groups.get(groupId));
    expect([zombie.isMember, zombie.leader]).toEqual([true, 0]);
    expect(await outcome(cluster, gateway, kvPut('a', '1'), 2_000)).toBe('written');
    expect(await outcome(cluster, gateway, read, 2_000)).toBe('got');
  });

  test('listing tables survives a lost leader; creating one is unknown then', async () => {
    const cluster = await started();
    const system = (nodeId: number): boolean =>
      (coreOf(cluster, nodeId).host.groups.get(0)?.openTerm ?? 0) !== 0;
    const leader = cluster.nodeIds.find(system) ?? 0;
    const { tables } = coreOf(cluster, othersOf(cluster, leader)[0] ?? 0);
    const call = { deadlineMs: cluster.scheduler.nowMs + 20_000, requestId: 'r' };
    cluster.network.partition([leader], othersOf(cluster, leader));
    expect(await cluster.settle(tables.list(undefined, 10, call))).toMatchObject({ names: ['kv'] });
  });

  test('closing ends everything: a write under way is unknown', async () => {
    const cluster = await started();
    const leader = leaderOf(cluster);
    const { router } = coreOf(cluster, othersOf(cluster, leader)[0] ?? 0);
    const deadlineMs = cluster.scheduler.nowMs + 10_000;
    const codes: ErrorCode[] = [];
    const note = (error: unknown): void => {
      codes.push(isDynakvError(error) ? error.code : 'BadFrame');
    };
    router.call(groupId, kvPut('a', '1'), deadlineMs).catch(note);
    router.call(groupId, read, deadlineMs).catch(note);
    router.close();
    router.call(groupId, read, deadlineMs).catch(note);
    await cluster.scheduler.runFor(10);
    expect(codes.sort()).toEqual(['OutcomeUnknown', 'Unavailable', 'Unavailable']);
  });
});

describe('Router.onRequest()', () => {
  /** The error with which a node answers a forged request, sent to it by a node that is there. */
  async function answer(
    cluster: SimCluster,
    to: NodeCore,
    frame: { groupId: number; deadlineLeftMs: number; command: AnyCommand },
  ): Promise<string> {
    const seen: string[] = [];
    const { network } = to.parts;
    const send = network.send.bind(network);
    network.send = (node, lane, kind, payload) => {
      if (kind === FrameKind.reply) {
        const { error, reply } = decodeReply(Buffer.from(payload));
        seen.push(error?.code ?? reply?.kind ?? '');
      }
      return send(node, lane, kind, payload);
    };
    to.router.onRequest(2, encodeRequest({ id: 1, ...frame }));
    await cluster.scheduler.runFor(100);
    network.send = send;
    return seen.join();
  }

  test('a command is run here or refused, never sent on', async () => {
    const cluster = await started();
    const leader = coreOf(cluster, leaderOf(cluster));
    const follower = coreOf(cluster, othersOf(cluster, leaderOf(cluster))[0] ?? 0);
    const frame = { groupId, deadlineLeftMs: 50, command: kvPut('a', '1') };
    expect(await answer(cluster, leader, frame)).toBe('written');
    expect(await answer(cluster, follower, frame)).toBe('NotLeader');
    expect(await answer(cluster, leader, { ...frame, groupId: 77 })).toBe('NoReplica');
  });

  test('a deadline that passed on the way starts nothing', async () => {
    const cluster = await started();
    const leader = coreOf(cluster, leaderOf(cluster));
    const before = leader.host.groups.get(groupId)?.lastIndex;
    const frame = { groupId, deadlineLeftMs: 0, command: kvPut('a', '1') };
    expect(await answer(cluster, leader, frame)).toBe('DeadlineBeforeStart');
    expect(leader.host.groups.get(groupId)?.lastIndex).toBe(before);
  });

  test('items are none of the system group’s business, nor the catalog a shard’s', async () => {
    const cluster = await started();
    const leader = coreOf(cluster, leaderOf(cluster));
    const item = { groupId: 0, deadlineLeftMs: 50, command: kvPut('a', '1') };
    expect(await answer(cluster, leader, item)).toBe('BadFrame');
    const command: AnyCommand = { kind: 'system', body: { op: 'describeTable', name: 'kv' } };
    expect(await answer(cluster, leader, { groupId, deadlineLeftMs: 50, command })).toBe(
      'BadFrame',
    );
  });

  test('bytes that are no command are dropped and stop nothing', async () => {
    const cluster = await started();
    const good = encodeRequest({ id: 1, groupId, deadlineLeftMs: 50, command: kvPut('a', '1') });
    const target = leaderOf(cluster);
    const { network } = coreOf(cluster, othersOf(cluster, target)[0] ?? 0).parts;
    for (let end = 0; end < good.length; end += 3) {
      network.send(target, 'bulk', FrameKind.request, good.subarray(0, end));
      network.send(target, 'bulk', FrameKind.reply, good.subarray(0, end));
    }
    network.flush();
    await cluster.scheduler.runFor(100);
    expect(cluster.failures).toEqual([]);
    expect(await outcome(cluster, target, read, 2_000)).toBe('got');
  });
});
