/**
 * A node is away while the cluster moves to nodes that it has never heard of, and those that it
 * knew are removed. Nobody whom it knows is there when it returns, and no frame is taken from a
 * stranger: it must let in one who calls, ask the way, and serve again.
 *
 * By itself: `node node/test/processes/returning-node.ts`.
 */
import { assert, must } from '../../lib/assert.ts';
import { until } from './cluster.ts';
import { GrowingCluster } from './growing-cluster.ts';
import type { ClusterStatus } from './growing-cluster.ts';
import { KeyClient } from './key-client.ts';
import { exitOnInterrupt } from './managed-process.ts';
import { say } from './verdict.ts';

const away = 1;
const graceMs = 3_000;
const requestMs = 10_000;
/** From active to serving; far above what is promised. */
const servesMsMax = 60_000;
const key = 'way-back';

function systemVoters({ groups }: ClusterStatus): number[] {
  const system = groups.find(({ groupId }) => groupId === 0);
  const voters = (system?.replicas ?? []).filter(({ role }) => role === 'voter');
  return voters.map(({ nodeId }) => nodeId).sort((a, b) => a - b);
}

function stateOf({ nodes }: ClusterStatus, nodeId: number): string {
  return nodes.find(({ member }) => member?.nodeId === nodeId)?.state ?? 'unknown';
}

async function put(client: KeyClient, url: string, value: string): Promise<void> {
  const { status, body } = await client.send(url, key, { kind: 'put', value });
  assert(status === 200 || status === 201, `A PUT through ${url} gave ${status}: ${body}`);
}

/** The stored JSON, or whatever the node says instead. */
async function read(client: KeyClient, url: string): Promise<string> {
  return (await client.send(url, key, { kind: 'read' })).body;
}

export async function runReturningNode(): Promise<void> {
  await using cluster = await GrowingCluster.start({ name: 'returning-node', shards: 4, nodes: 3 });
  using client = new KeyClient(requestMs);
  await cluster.updateSettings({ deadNodeGraceMs: graceMs });
  await put(client, cluster.clientUrl(away), 'before');
  await cluster.kill(away);
  const joined: number[] = [];
  for (let i = 0; i < 3; i++) {
    joined.push(await cluster.grow());
  }
  await cluster.until(`node ${away} is dead`, (status) => stateOf(status, away) === 'dead');
  await cluster.shrink(2);
  await cluster.shrink(3);
  await cluster.until(
    `nodes ${joined.join(', ')} alone are the system group's voters`,
    (status) => systemVoters(status).join() === joined.join(),
  );
  say(`  nodes ${joined.join(', ')} are the system group now; node ${away} returns`);
  cluster.startNode(away);
  await cluster.until(
    `node ${away} is active again`,
    (status) => stateOf(status, away) === 'active',
  );
  const url = cluster.clientUrl(away);
  await until(
    async () => (await read(client, url)) === '"before"',
    servesMsMax,
    `node ${away} serves what was written before`,
  );
  await put(client, url, 'after');
  const seen = await read(client, cluster.clientUrl(must(joined[0])));
  assert(seen === '"after"', `Another node does not have what node ${away} wrote: ${seen}`);
  const log = cluster.logOf(away);
  assert(log.includes('Found the system group'), `Node ${away} did not ask the way`);
  say(`returning-node: node ${away} found its way back and serves`);
}

if (import.meta.main) {
  exitOnInterrupt();
  await runReturningNode();
}
