/**
 * What `grow-rounds.ts` does to a cluster, step by step: each changes something, breaks something in
 * the middle, and says what must be true afterwards. A step leaves the cluster settled.
 */
import { cpSync, renameSync, rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { assert } from '../../lib/assert.ts';
import { isDynakvError } from '../../lib/errors.ts';
import type { DynakvError } from '../../lib/errors.ts';
import type { Prng } from '../../lib/prng.ts';
import { until } from './cluster.ts';
import type { ClusterStatus, GrowingCluster } from './growing-cluster.ts';
import type { RegisterWorkload } from './register-workload.ts';
import { say } from './verdict.ts';

export interface GrowContext {
  readonly cluster: GrowingCluster;
  readonly workload: RegisterWorkload;
  readonly prng: Prng;
}

/** From a kill to answers again; far above what is promised. */
const recoveryMsMax = 60_000;
/** Short, so that a test sees what five minutes do by default. */
const graceMs = 4_000;

async function answersAgain({ workload }: GrowContext): Promise<void> {
  const { answered } = workload;
  await until(() => workload.answered > answered, recoveryMsMax, 'operations are answered');
}

/** Kills whoever manages, a moment after `change` began; work must go on, and the change end. */
async function withoutManager(
  context: GrowContext,
  delayMs: number,
  change: Promise<void>,
): Promise<void> {
  const { cluster } = context;
  // A failure is reported where the change is awaited.
  change.catch(() => undefined);
  await wait(delayMs);
  const { systemLeaderNodeId } = await cluster.status();
  if (cluster.nodeIds.includes(systemLeaderNodeId)) {
    say(`  kill -9 of node ${systemLeaderNodeId}, which manages`);
    await cluster.killAndRestart(systemLeaderNodeId);
  }
  await answersAgain(context);
  await change;
  if (cluster.nodeIds.includes(systemLeaderNodeId)) {
    await isReady(cluster, systemLeaderNodeId);
  }
}

/** Grows by `count`, with a kill of the manager on the way; the new ids. */
export async function growUnderFire(context: GrowContext, count: number): Promise<number[]> {
  const joined: number[] = [];
  const grows = async (): Promise<void> => {
    for (let index = 0; index < count; index++) {
      joined.push(await context.cluster.grow());
    }
  };
  await withoutManager(context, 3_000 + context.prng.below(3_000), grows());
  await untilBalanced(context);
  return joined;
}

export async function shrinkUnderFire(
  context: GrowContext,
  leaving: readonly number[],
): Promise<void> {
  const shrinks = async (): Promise<void> => {
    for (const nodeId of leaving) {
      await context.cluster.shrink(nodeId);
    }
  };
  await withoutManager(context, 500 + context.prng.below(1_500), shrinks());
  await untilBalanced(context);
}

/** A drain is called off while shards leave: the node is active again and gets its share back. */
export async function cancelledDrain(context: GrowContext, nodeId: number): Promise<void> {
  const { cluster, prng } = context;
  await cluster.setState(nodeId, 'draining');
  await wait(prng.below(1_500));
  await cluster.setState(nodeId, 'active');
  await untilBalanced(context);
  const status = await cluster.status();
  const node = status.nodes.find(({ member }) => member?.nodeId === nodeId);
  assert(node?.state === 'active', `Node ${nodeId} is ${node?.state ?? 'unknown'}`);
  say(`  node ${nodeId}: a drain was called off`);
}

/**
 * With as many nodes as copies, no node may leave. A node that came back a moment ago may still be
 * missed, and named as a reason before that one.
 */
export async function refusedDrain({ cluster }: GrowContext): Promise<void> {
  const [nodeId = 0] = cluster.nodeIds;
  const refusal = async (): Promise<DynakvError> => {
    const { nodes } = await cluster.status();
    const revision = nodes.find(({ member }) => member?.nodeId === nodeId)?.revision ?? 0;
    const fence = { expectedRevision: revision };
    const failure: unknown = await cluster
      .admin((client) => client.setNodeState({ fence, nodeId, state: 'draining', owner: 'test' }))
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    assert(isDynakvError(failure), 'A drain below the replication factor was accepted');
    return failure;
  };
  const isFinal = async (): Promise<boolean> => {
    const { facts, message } = await refusal();
    const isBelow = facts['reason'] === 'BelowReplicationFactor';
    assert(isBelow || facts['reason'] === 'UnderReplicatedShards', message);
    if (isBelow) {
      say(`  refused: ${message}`);
    }
    return isBelow;
  };
  await until(isFinal, recoveryMsMax, 'a drain is refused for want of nodes');
}

/**
 * Two of five nodes die. Shards with two copies left are repaired on the others; those with one are
 * named as leaderless, and serve again when either of the two returns.
 */
export async function twoOfFiveDie(context: GrowContext): Promise<void> {
  const { cluster, prng } = context;
  await cluster.updateSettings({ deadNodeGraceMs: graceMs });
  const first = prng.pick(cluster.nodeIds);
  const second = prng.pick(cluster.nodeIds.filter((nodeId) => nodeId !== first));
  const before = await cluster.status();
  const lostMost = shardsOf(before).filter(
    ({ replicas }) =>
      replicas.filter(({ nodeId }) => nodeId === first || nodeId === second).length === 2,
  );
  const lostIds = lostMost.map(({ groupId }) => groupId);
  say(`  kill -9 of nodes ${first} and ${second}: ${lostIds.length} shards lose their majority`);
  await Promise.all([cluster.kill(first), cluster.kill(second)]);
  await cluster.until('the others are repaired, and those are named', (status) => {
    const named = new Set(
      status.problems
        .filter(({ reason }) => reason === 'ShardLeaderless')
        .map(({ groupId }) => groupId),
    );
    return shardsOf(status).every(({ groupId, replicas, joint }) => {
      const dead = replicas.filter(({ nodeId }) => nodeId === first || nodeId === second);
      return lostIds.includes(groupId)
        ? named.has(groupId)
        : !joint && dead.length === 0 && replicas.length === 3;
    });
  });
  await answersAgain(context);
  cluster.startNode(first);
  await cluster.until('one node is enough for all', (status) =>
    status.groups.every(({ leaderNodeId }) => leaderNodeId !== 0),
  );
  cluster.startNode(second);
  await cluster.until('both are active again', (status) =>
    status.nodes
      .filter(({ member }) => member?.nodeId === first || member?.nodeId === second)
      .every(({ state, answers }) => state === 'active' && answers),
  );
  await untilBalanced(context);
}

/** A node comes back with yesterday's disk: nobody takes it in, and the right disk still serves. */
export async function oldDiskReturns(context: GrowContext, nodeId: number): Promise<void> {
  const { cluster } = context;
  const folder = cluster.folderOf(nodeId);
  const [old, right] = [`${folder}.old`, `${folder}.right`];
  await cluster.stopNode(nodeId);
  cpSync(folder, old, { recursive: true });
  cluster.startNode(nodeId);
  await isReady(cluster, nodeId);
  await answersAgain(context);
  await cluster.stopNode(nodeId);
  renameSync(folder, right);
  renameSync(old, folder);
  const others = cluster.nodeIds.filter((each) => each !== nodeId);
  const refusals = (): number =>
    [nodeId, ...others]
      .map((each) => cluster.logOf(each).split('BootUnknown').length - 1)
      .reduce((sum, count) => sum + count, 0);
  const before = refusals();
  cluster.startNode(nodeId);
  await until(() => refusals() > before, recoveryMsMax, 'the old disk is refused by name');
  await answersAgain(context);
  const status = await cluster.status();
  assert(
    status.groups.every(({ leaderNodeId }) => leaderNodeId !== nodeId),
    'A node with an old disk leads',
  );
  await cluster.stopNode(nodeId);
  rmSync(folder, { recursive: true });
  renameSync(right, folder);
  cluster.startNode(nodeId);
  await isReady(cluster, nodeId);
  // It was away for longer than the grace period: dead, and active once it has answered steadily.
  await cluster.until(`node ${nodeId} is active again`, (status) =>
    status.nodes.some((each) => each.member?.nodeId === nodeId && each.state === 'active'),
  );
  await cluster.settled();
  say(`  node ${nodeId}: an old copy of its disk was refused`);
}

async function isReady(cluster: GrowingCluster, nodeId: number): Promise<void> {
  await cluster.until(`node ${nodeId} is ready`, (status) =>
    status.nodes.some((each) => each.member?.nodeId === nodeId && each.ready && each.answers),
  );
  const isOpen = async (): Promise<boolean> =>
    await fetch(cluster.clientUrl(nodeId)).then(
      ({ status }) => status > 0,
      () => false,
    );
  await until(isOpen, recoveryMsMax, `node ${nodeId} takes requests`);
}

function shardsOf({ groups }: ClusterStatus): ClusterStatus['groups'] {
  return groups.filter(({ groupId }) => groupId !== 0);
}

/** Every node has its share of the copies, as the planner promises it, and nothing moves. */
async function untilBalanced({ cluster }: GrowContext): Promise<void> {
  await cluster.until('every node has its share of the copies', (status) => {
    const shards = shardsOf(status);
    const mean = (shards.length * 3) / cluster.nodeIds.length;
    return cluster.nodeIds.every((nodeId) => {
      const copies = shards.filter(({ replicas }) =>
        replicas.some((replica) => replica.nodeId === nodeId),
      ).length;
      return copies >= 0.9 * mean - 1 && copies <= 1.1 * mean + 1;
    });
  });
  await cluster.settled();
}
