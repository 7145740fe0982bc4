/**
 * `kubectl dynakv` against an API server and nodes that demand mutual TLS: which cluster, which
 * pod, which way to it, the same tables as `dynakv`, and what it says where there is nothing.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { AdminHandlers } from '../../node/admin/grpc-admin.ts';
import { realRandom } from '../../node/sys/real/random.ts';
import { realTimers } from '../../node/sys/real/timers.ts';
import { formatStatus } from '../../node/verbs/status-view.ts';
import { nowMs, status } from '../../node/verbs/testing-cluster.ts';
import { runPlugin } from './plugin.ts';
import { TestingDatabase } from './testing-database.ts';

let database: TestingDatabase;

beforeEach(async () => {
  database = await TestingDatabase.start();
});

afterEach(async () => {
  await database.stop();
});

/** The status as messages take it: lists that may be written to. */
const statusMessage = structuredClone(status) as unknown as Awaited<
  ReturnType<NonNullable<AdminHandlers['status']>>
>;
const answering: AdminHandlers = { status: async () => await Promise.resolve(statusMessage) };

async function run(line: string): Promise<{ code: number; out: string; error: string }> {
  let out = '';
  let error = '';
  const code = await runPlugin(line.split(' '), {
    ...{ version: '0.1.0', kubeconfig: database.kubeconfig, kubectl: database.kubectl },
    ...{ timers: realTimers, random: realRandom, isTerminal: false, nowMs: () => nowMs },
    writeOut: (text) => (out += text),
    writeError: (text) => (error += text),
    pause: async () => await Promise.resolve(),
  });
  return { code, out: stripVTControlCharacters(out), error };
}

function kubectlLines(): readonly string[] {
  return readFileSync(join(database.folder, 'lines'), 'utf8').trim().split('\n');
}

describe('kubectl dynakv', () => {
  test('status shows what dynakv shows, through a forward to a ready pod', async () => {
    await database.addCluster('demo');
    await database.addPod('demo', 0, { ready: false });
    await database.addPod('demo', 1, { ready: true, node: answering });
    const { code, out, error } = await run('status');
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toContain(stripVTControlCharacters(formatStatus(status)).split('\n')[0]);
    expect(kubectlLines()).toEqual([
      '--namespace default port-forward --address 127.0.0.1 pod/demo-1 :7000',
    ]);
  });

  test('a pod that does not answer is passed over', async () => {
    await database.addCluster('demo');
    await database.addPod('demo', 0, { ready: true });
    await database.addPod('demo', 1, { ready: true, node: answering });
    const { code, out } = await run('status --json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ clusterId: status.clusterId });
    expect(kubectlLines().map((line) => /pod\/\S+/.exec(line)?.[0])).toEqual([
      'pod/demo-0',
      'pod/demo-1',
    ]);
  });

  test('drain changes the node by the revision that was seen, as a person', async () => {
    const changes: unknown[] = [];
    await database.addCluster('demo');
    await database.addPod('demo', 0, {
      ready: true,
      node: {
        ...answering,
        setNodeState: async (request) => {
          const { nodeId, state, owner, fence } = request;
          changes.push({ nodeId, state, owner, revision: fence?.expectedRevision });
          return await Promise.resolve({ revision: 9, changed: true });
        },
      },
    });
    const { code, out } = await run('drain n2 --no-wait -n default --cluster demo');
    expect({ code, out }).toEqual({ code: 0, out: 'n2 is draining; drain n2 --progress\n' });
    expect(changes).toEqual([{ nodeId: 2, state: 'draining', owner: 'person', revision: 2 }]);
  });

  test('another cluster’s nodes are not taken for this one’s', async () => {
    await database.addCluster('demo');
    await database.addCluster('other');
    await database.addPod('other', 0, { ready: true, node: answering });
    await database.addPod('demo', 0, { ready: true });
    const { code, error } = await run('status --cluster demo');
    expect(code).toBe(1);
    expect(error).toContain('Cannot ask the node at demo-0');
    expect(error).toContain('pod is not running');
  });

  test('names the clusters where there are several, and says where there is none', async () => {
    const none = await run('status');
    expect(none.error).toBe(
      'Cannot find a DynamoCluster in the namespace "default": --namespace names another\n',
    );
    await database.addCluster('one');
    await database.addCluster('two');
    const both = await run('status');
    expect(both.error).toContain('name one by --cluster: one, two');
    const unknown = await run('status --cluster three');
    expect(unknown.error).toContain('Cannot find a DynamoCluster "three"');
    const empty = await run('status --cluster one --json');
    expect(JSON.parse(empty.error)).toEqual({
      error: { reason: 'Failed', message: 'Cannot reach the cluster "one": it has no pods' },
    });
    expect([none, both, unknown, empty].map(({ code }) => code)).toEqual([1, 1, 1, 1]);
  });

  test('without the right to read the Secrets it says which one', async () => {
    await database.addCluster('demo');
    await database.addPod('demo', 0, { ready: true, node: answering });
    database.api.fail(403, { count: 9, matches: (_method, path) => path.includes('/secrets/') });
    const { code, error } = await run('status');
    expect(code).toBe(1);
    expect(error).toMatch(/secrets\/demo-ca was refused with 403/);
  });
});
