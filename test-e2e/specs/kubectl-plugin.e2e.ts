/**
 * `kubectl dynakv` on a cluster that runs: kubectl finds the plugin on the PATH, the plugin the
 * database. Goal: the tables of `dynakv`, through a forwarded port and at the pods' own addresses, and
 * a drain that belongs to a person.
 */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { tryRun } from '../lib/command.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until } from '../lib/waiting.ts';
import { useCluster } from '../spec-cluster.ts';
import { DatabaseCluster, installCrd } from './database-cluster.ts';
import { OperatorProgram } from './operator-program.ts';

const plugin = join(import.meta.dirname, '..', '..', 'operator', 'cli', 'kubectl-dynakv.js');

interface Status {
  readonly nodes: readonly { readonly state: string; readonly member?: { nodeId: number } }[];
  readonly shardCount: number;
}

describe('kubectl dynakv', () => {
  const spec = useCluster('kubectl-plugin');
  let operator: OperatorProgram;
  let folder = '';

  beforeAll(async () => {
    await installCrd(spec);
    const { kubectl = '', kubeconfig = '' } = spec.environment.cluster ?? {};
    const { namespace, outFolder } = spec;
    operator = new OperatorProgram({ kubectl, kubeconfig, namespace, outFolder });
    operator.start();
    folder = join(outFolder, 'bin');
    mkdirSync(folder, { recursive: true });
    rmSync(join(folder, 'kubectl-dynakv'), { force: true });
    symlinkSync(plugin, join(folder, 'kubectl-dynakv'));
    const demo = new DatabaseCluster(spec, 'demo');
    await demo.ready(await demo.apply());
  }, timeouts.hook);
  afterAll(async () => {
    await operator.stop('SIGKILL');
  }, timeouts.hook);

  /** `kubectl dynakv …`, as a person calls it. */
  async function dynakv(...args: readonly string[]): Promise<{ code: number; text: string }> {
    const { kubectl = '', kubeconfig = '' } = spec.environment.cluster ?? {};
    const path = `${folder}:${join(process.execPath, '..')}:${join(kubectl, '..')}:${process.env['PATH'] ?? ''}`;
    const line = ['dynakv', ...args, '--namespace', spec.namespace];
    const env = { PATH: path, KUBECONFIG: kubeconfig };
    const { code, stdout, stderr } = await tryRun(kubectl, line, { env });
    return { code, text: code === 0 ? stdout : stderr };
  }

  async function statusBy(...way: readonly string[]): Promise<Status> {
    const { code, text } = await dynakv('status', '--json', ...way);
    expect({ code, text: code === 0 ? '' : text }).toEqual({ code: 0, text: '' });
    return JSON.parse(text) as Status;
  }

  spec.test('status, shards and plan, through a forwarded port', async () => {
    const status = await statusBy();
    expect(status.nodes.filter(({ state }) => state === 'active')).toHaveLength(3);
    const shards = await dynakv('shards');
    expect(shards.text.split('\n').length).toBeGreaterThan(status.shardCount);
    const plan = await dynakv('plan', '--drain', 'n3');
    expect(plan).toMatchObject({ code: 0 });
    expect(plan.text).toMatch(/replication factor|copies|BelowReplicationFactor/i);
  });

  spec.localTest('the same at the pods’ own addresses', async () => {
    const [forwarded, direct] = [await statusBy(), await statusBy('--direct')];
    expect(direct.nodes.map(({ member }) => member?.nodeId)).toEqual(
      forwarded.nodes.map(({ member }) => member?.nodeId),
    );
  });

  spec.test('a drain that cannot be is refused, and one by hand is called off', async () => {
    const begun = await dynakv('drain', 'n3', '--no-wait');
    if (begun.code === 0) {
      await until('n3 to be draining', timeouts.database, async () => {
        const { nodes } = await statusBy();
        return nodes.some(({ state }) => state === 'draining') ? true : undefined;
      });
    }
    const cancelled = await dynakv('drain', 'n3', '--cancel');
    expect(cancelled).toMatchObject({ code: 0, text: 'n3 is active\n' });
    const { nodes } = await statusBy();
    expect(nodes.every(({ state }) => state === 'active')).toBe(true);
  });

  spec.test('a cluster that is not there is missed by name', async () => {
    const { code, text } = await dynakv('status', '--cluster', 'none');
    expect(code).toBe(1);
    expect(text).toContain('Cannot find a DynamoCluster "none"');
  });
});
