/**
 * The last requests of a seed, when everything is whole: every node must take a write for every
 * shard, and every key that was ever used is read once more for the history. A store fault that
 * slept until now, as an I/O error of the next write, may still cost its node: another answers.
 */
import { isDynakvError, messageOf } from '../../lib/errors.ts';
import type { ItemCommand, ItemReply } from '../../items/command.ts';
import { assert, must } from '../../lib/assert.ts';
import type { Prng } from '../../lib/prng.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';
import type { History } from '../history.ts';
import { bornTable, getOf, nameIn, putOf, valueOf } from './swarm-rows.ts';
import type { TableVersion } from './swarm-rows.ts';
import type { SwarmOptions } from './swarm-options.ts';

const callMs = 5_000;
const attemptsMax = 5;
const pauseMs = 300;
/** Beyond it not even the deadline of a call ended it. */
const answerMsMax = 60_000;

/** Who is asked. */
export interface AskedCluster {
  readonly cluster: SimCluster;
  /** Nodes whose store is gone, as was meant, and why. */
  readonly lost: ReadonlyMap<NodeId, string>;
}

type Answer =
  /** The node lost its store meanwhile. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'reply'; readonly reply: ItemReply }
  | { readonly kind: 'error'; readonly error: unknown };

/** One request, again while the answer is "not now"; leaderships may still settle. */
async function ask(asked: AskedCluster, nodeId: NodeId, command: ItemCommand): Promise<Answer> {
  const { cluster, lost } = asked;
  for (let attempt = 1; ; attempt++) {
    if (lost.has(nodeId)) {
      return { kind: 'gone' };
    }
    const deadlineMs = cluster.scheduler.nowMs + callMs;
    const { router } = must(cluster.core(nodeId), `Node ${nodeId} runs`);
    const call = router.execute(command, { deadlineMs, requestId: 'last' });
    const answer = await answerOf(call, asked, nodeId);
    if (answer.kind !== 'error') {
      return answer;
    }
    const { error } = answer;
    const isFinal = !isDynakvError(error) || isDynakvError(error, 'SchemaMismatch');
    if (!lost.has(nodeId) && (isFinal || attempt >= attemptsMax)) {
      return answer;
    }
    await cluster.scheduler.runFor(pauseMs);
  }
}

/** How a call ends: a node that ends answers nothing. */
async function answerOf(
  call: Promise<ItemReply>,
  { cluster, lost }: AskedCluster,
  nodeId: NodeId,
): Promise<Answer> {
  const state: { answer: Answer | undefined } = { answer: undefined };
  call.then(
    (reply) => {
      state.answer = { kind: 'reply', reply };
    },
    (error: unknown) => {
      state.answer = { kind: 'error', error };
    },
  );
  const hasEnded = (): boolean => state.answer !== undefined || lost.has(nodeId);
  const isSo = await cluster.scheduler.runUntil(hasEnded, answerMsMax);
  assert(isSo, `Node ${nodeId} neither answers nor ends`);
  return state.answer ?? { kind: 'gone' };
}

function running({ cluster, lost }: AskedCluster): NodeId[] {
  return cluster.nodeIds.filter(
    (nodeId) => cluster.core(nodeId) !== undefined && !lost.has(nodeId),
  );
}

/** Writes to every shard through every node; the first problem as a sentence. */
export async function probeEverywhere(
  asked: AskedCluster,
  options: SwarmOptions,
): Promise<string | undefined> {
  for (let groupId = 1; groupId <= options.shards; groupId++) {
    const name = nameIn(groupId, options.shards, 'probe');
    for (const nodeId of running(asked)) {
      const row = { value: `${nodeId}`, paddingBytes: 1 };
      const answer = await ask(asked, nodeId, putOf(bornTable, name, row));
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
  asked: AskedCluster,
  history: History,
  random: Prng,
): Promise<string | undefined> {
  const keys = new Set(history.operations().map((operation) => operation.key));
  for (const key of keys) {
    let problem = await finalRead(asked, history, random, key);
    while (problem === 'gone') {
      problem = await finalRead(asked, history, random, key);
    }
    if (problem !== undefined) {
      return problem;
    }
  }
  return undefined;
}

async function finalRead(
  asked: AskedCluster,
  history: History,
  random: Prng,
  key: string,
): Promise<string | undefined> {
  const { table, id } = tableOf(key);
  const nodeId = random.pick(running(asked));
  const operation = history.invoke(0, key, { kind: 'read' });
  const answer = await ask(asked, nodeId, getOf(table, id, true));
  if (answer.kind === 'gone') {
    history.notDone(operation); // A read changes nothing.
    return 'gone';
  }
  if (answer.kind === 'error') {
    if (isDynakvError(answer.error, 'SchemaMismatch') && table.tableId !== bornTable.tableId) {
      history.notDone(operation); // Its table was dropped.
      return undefined;
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
  return undefined;
}
