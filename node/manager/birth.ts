/**
 * Writes a new node's first state into its empty stores (design §5): for each replica that the
 * plan puts here, its rows under a generation, then its birth in the raft log. Nothing is served
 * before the caller records that the birth is complete; a birth cut short starts over on emptied
 * stores.
 */
import { assert } from '../lib/assert.ts';
import { systemGroupId } from '../shards/groups.ts';
import { LogBatchBuilder } from '../storage/raft-log/batch-builder.ts';
import type { RaftLog } from '../storage/raft-log/raft-log.ts';
import { rowKey } from '../storage/generation-rows.ts';
import { Generations } from '../storage/generations.ts';
import type { Engine } from '../sys/engine.ts';
import type { NodeId } from '../sys/network.ts';
import { birthPoint, bornGroups } from './bootstrap.ts';
import type { BootstrapPlan } from './bootstrap.ts';
import { emptyReplica } from './empty-replica.ts';
import type { JoinSeed } from './join-seed.ts';

/**
 * The stores of a node that joins: its replica of the system group, empty, as the cluster gave it
 * out. Durable when it resolves.
 */
export async function joinBirth(seed: JoinSeed, engine: Engine, log: RaftLog): Promise<void> {
  const generations = await Generations.open(engine);
  assert(generations.groups().length === 0, 'A birth needs empty stores');
  assert(log.groups.size === 0, 'A birth needs an empty log');
  const generation = await generations.allocate();
  const replica = { groupId: systemGroupId, replicaId: seed.systemReplicaId };
  const { metadata, hardState, applied } = emptyReplica;
  await generations.flip({ ...replica, generation }, applied);
  await log.append(
    new LogBatchBuilder().createGroup(replica.groupId, replica.replicaId, metadata, hardState),
  );
}

/** Durable when it resolves. */
export async function giveBirth(
  plan: BootstrapPlan,
  nodeId: NodeId,
  engine: Engine,
  log: RaftLog,
): Promise<void> {
  const generations = await Generations.open(engine);
  assert(generations.groups().length === 0, 'A birth needs empty stores');
  assert(log.groups.size === 0, 'A birth needs an empty log');
  const batch = new LogBatchBuilder();
  for (const group of bornGroups(plan)) {
    const replica = group.replicas.find((candidate) => candidate.nodeId === nodeId);
    if (replica === undefined) {
      continue;
    }
    const generation = await generations.allocate();
    engine.write(
      group.rows.map((row) => ({
        column: 'data',
        key: rowKey(generation, row.key),
        value: row.value,
      })),
    );
    const { groupId, confState } = group;
    const { replicaId } = replica;
    await generations.flip(
      { groupId, replicaId, generation },
      { ...birthPoint, confState, configurationIndex: 0, incarnation: 1, installStamp: undefined },
    );
    batch.createGroup(
      groupId,
      replicaId,
      { ...birthPoint, confState },
      { term: birthPoint.term, vote: 0, commit: birthPoint.index },
    );
  }
  await log.append(batch);
}
