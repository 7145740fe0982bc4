/**
 * The last requests of a seed, when everything is whole: every node must take a write for every
 * shard, and every key that was ever used is read once more for the history.
 */
import { isDynakvError, messageOf } from '../../lib/errors.ts';
import type { ItemCommand, ItemReply } from '../../items/command.ts';
import { must } from '../../lib/assert.ts';
import type { Prng } from '../../lib/prng.ts';
import { groupOfHash } from '../../shards/groups.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';
import type { History } from '../history.ts';
import { bornTable, getOf, putOf, targetOf, valueOf } from './swarm-rows.ts';
import type { TableVersion } from './swarm-rows.ts';
import type { SwarmOptions } from './swarm-options.ts';

const callMs = 5_000;
const attemptsMax = 5;
const pauseMs = 300;

type Answer =
  | { readonly kind: 'reply'; readonly reply: ItemReply }
  | { readonly kind: 'error'; readonly error: unknown };

/** One request, again while the answer is "not now"; leaderships may still settle. */
async function ask(cluster: SimCluster, nodeId: NodeId, command: ItemCommand): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const deadlineMs = cluster.scheduler.nowMs + callMs;
    const { router } = must(cluster.core(nodeId), `Node ${nodeId} runs`);
    try {
      const call = router.execute(command, { deadlineMs, requestId: 'last' });
      return { kind: 'reply', reply: await cluster.settle(call) };
    } catch (error) {
      const isFinal = !isDynakvError(error) || isDynakvError(error, 'SchemaMismatch');
      if (isFinal || attempt >= attemptsMax) {
        return { kind: 'error', error };
      }
    }
    await cluster.scheduler.runFor(pauseMs);
  }
}

function running(cluster: SimCluster): NodeId[] {
  return cluster.nodeIds.filter((nodeId) => cluster.core(nodeId) !== undefined);
}

/** A name that the shard holds. */
function nameIn(groupId: number, shards: number): string {
  for (let i = 0; ; i++) {
    const name = `probe${i}`;
    if (groupOfHash(targetOf(bornTable, name).hash, shards) === groupId) {
      return name;
    }
  }
}

/** Writes to every shard through every node; the first problem as a sentence. */
export async function probeEverywhere(
  cluster: SimCluster,
  options: SwarmOptions,
): Promise<string | undefined> {
  for (let groupId = 1; groupId <= options.shards; groupId++) {
    const name = nameIn(groupId, options.shards);
    for (const nodeId of running(cluster)) {
      const row = { value: `${nodeId}`, paddingBytes: 1 };
      const answer = await ask(cluster, nodeId, putOf(bornTable, name, row));
      if (answer.kind === 'error') {
        return `Shard ${groupId} takes no write through node ${nodeId}: ${messageOf(answer.error)}`;
      }
    }
  }
  return undefined;
}

function tableOf(key: string): { readonly table: TableVersion; readonly id: string } {
  const slash = key.indexOf('/');
  const tableId = Number(key.slice(0, slash));
  return { table: { tableId, schemaVersion: 1 }, id: key.slice(slash + 1) };
}

/** Reads every key of the history once more into it; the first problem as a sentence. */
export async function finalReads(
  cluster: SimCluster,
  history: History,
  random: Prng,
): Promise<string | undefined> {
  const keys = new Set(history.operations().map((operation) => operation.key));
  for (const key of keys) {
    const { table, id } = tableOf(key);
    const nodeId = random.pick(running(cluster));
    const operation = history.invoke(0, key, { kind: 'read' });
    const answer = await ask(cluster, nodeId, getOf(table, id, true));
    if (answer.kind === 'error') {
      if (isDynakvError(answer.error, 'SchemaMismatch') && table.tableId !== bornTable.tableId) {
        history.notDone(operation); // Its table was dropped.
        continue;
      }
      return `"${key}" cannot be read through node ${nodeId}: ${messageOf(answer.error)}`;
    }
    const found = answer.reply.kind === 'got' ? answer.reply.found : undefined;
    history.ok(
      operation,
      found === undefined
        ? { kind: 'missing' }
        : { kind: 'found', value: valueOf(id, found.item), version: found.version },
    );
  }
  return undefined;
}
