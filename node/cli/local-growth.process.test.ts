/**
 * Goal: a person grows, breaks and shrinks the cluster of `make run` by commands, and it remembers.
 * Method: the real launcher with real nodes, asked by the real command line, started twice on one
 * data folder, the second time with other ports.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { StatusView } from '../contract/status-types.ts';
import { ProcessCluster, outFolder, repositoryRoot, until } from '../test/processes/cluster.ts';

let data = '';

beforeAll(() => {
  mkdirSync(join(outFolder, 'data'), { recursive: true });
  data = mkdtempSync(join(outFolder, 'data', 'local-growth-'));
});

afterAll(() => {
  rmSync(data, { recursive: true, force: true });
});

const start = async (): Promise<ProcessCluster> =>
  await ProcessCluster.start({ name: 'local-growth', shards: 2, data });

/** Runs `dynakv VERB … --data FOLDER --json`; its answer, or its refusal. */
async function dynakv(...words: readonly string[]): Promise<Record<string, unknown>> {
  const program = join(repositoryRoot, 'node', 'cli', 'dynakv.js');
  const args = [program, ...words, '--data', data, '--json'];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as Record<string, unknown>;
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string };
    return JSON.parse(stderr) as Record<string, unknown>;
  }
}

async function nodes(): Promise<Readonly<Record<string, string>>> {
  const status = (await dynakv('status')) as unknown as StatusView;
  return Object.fromEntries(
    status.nodes.map(({ member, state, answers }) => [
      `n${member?.nodeId ?? 0}`,
      answers ? state : `${state}, silent`,
    ]),
  );
}

async function put(url: string): Promise<number> {
  return (await fetch(`${url}/key/grown`, { method: 'PUT', body: '1' })).status;
}

test('add-node, kill, start, drain and remove, over a restart of the launcher', async () => {
  {
    await using cluster = await start();
    const added = await dynakv('add-node');
    expect(added).toMatchObject({ node: 'n4', nodeId: 4 });
    expect(await put(String(added['url']))).toBe(201);
    expect(await dynakv('remove', 'n4')).toMatchObject({ error: { reason: 'NotDrained' } });
    expect(await dynakv('remove', 'n9')).toMatchObject({ error: { reason: 'UnknownNode' } });
    expect(await dynakv('kill', 'n1')).toEqual({ node: 'n1' });
    // Asked of the nodes that are left: it stays down, as nobody starts it.
    await until(async () => (await nodes())['n1'] === 'active, silent', 30_000, 'n1 is silent');
    expect(await dynakv('start', 'n1')).toEqual({ node: 'n1' });
    await until(async () => (await nodes())['n1'] === 'active', 30_000, 'n1 is back');
    expect(cluster.nodeCount).toBe(3);
  }
  {
    await using cluster = await start();
    expect(await nodes()).toEqual({ n1: 'active', n2: 'active', n3: 'active', n4: 'active' });
    expect(await put(cluster.clientUrl(4))).toBe(200);
    expect(await dynakv('drain', 'n4')).toMatchObject({ state: 'drained' });
    expect(await dynakv('remove', 'n4')).toEqual({ node: 'n4' });
    expect(await dynakv('kill', 'n4')).toMatchObject({ error: { reason: 'UnknownNode' } });
    const refused = await dynakv('drain', 'n2');
    expect(refused).toMatchObject({ error: { reason: 'BelowReplicationFactor' } });
    const record = JSON.parse(readFileSync(join(data, 'cluster.json'), 'utf8')) as {
      readonly members: readonly object[];
    };
    expect(record.members[3]).toMatchObject({ place: 4, nodeId: 4, removed: true });
  }
});
