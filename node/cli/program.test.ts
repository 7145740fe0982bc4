/** The command line: verbs, tables, JSON, refusals. The node and its answers are fakes. */
import { describe, expect, test } from '@jest/globals';
import { stripVTControlCharacters } from 'node:util';
import type { StatusView } from './cluster-control.ts';
import type { LocalOptions } from './local-plan.ts';
import { runProgram } from './program.ts';
import { testControl } from './testing-control.ts';

const replica = (nodeId: number, lag: number) => ({
  nodeId,
  replicaId: nodeId,
  role: 'voter',
  appliedIndex: 40 - lag,
  lag,
  known: true,
});

const status: StatusView = {
  clusterId: 'c1',
  nodeId: 1,
  ready: true,
  shardCount: 1,
  replicationFactor: 3,
  nodes: [1, 2, 3].map((nodeId) => ({
    member: {
      nodeId,
      address: `127.0.0.1:700${nodeId - 1}`,
      clientAddress: `127.0.0.1:800${nodeId - 1}`,
      opsAddress: '',
      zone: '',
    },
    state: 'active',
    ...{ revision: 1, answers: nodeId !== 3, storeId: 's', ready: true },
    ...{ evictingLeaders: false, maintenanceUntilMs: 0, silentSinceMs: 0 },
    ...{ usedBytes: 0, freeBytes: 0, featureVersionMax: 1, quarantined: '', drainOwner: '' },
    bootId: 'b',
    version: '0.1.0',
    replicaCount: 2,
    leaderCount: nodeId === 1 ? 2 : 0,
  })),
  groups: [0, 1].map((groupId) => ({
    groupId,
    leaderNodeId: 1,
    term: 4,
    commitIndex: 40,
    asleep: groupId === 0,
    ...{ configurationIndex: 0, joint: false, hashFrom: 0, hashTo: 0, bytes: 0 },
    replicas: [replica(1, 0), replica(2, 15), { ...replica(3, 0), known: false }],
  })),
  ...{ featureVersion: 1, effectiveReplicationFactor: 3, systemLeaderNodeId: 1 },
  ...{ controlEpoch: 0, controlHolder: '' },
  problems: [{ reason: 'NodeDown', message: 'Node 3 does not answer', nodeId: 3 }],
};

interface Result {
  readonly code: number;
  readonly out: string;
  readonly error: string;
  readonly local: LocalOptions | undefined;
  readonly flags: readonly string[] | undefined;
}

async function run(commandLine: readonly string[], failure?: Error): Promise<Result> {
  let [out, error] = ['', ''];
  let local: LocalOptions | undefined;
  let flags: readonly string[] | undefined;
  const code = await runProgram(commandLine, {
    version: '9.9.9',
    nodeHelp: 'all options\n',
    runNode: async (given) => {
      flags = given;
      return 7;
    },
    runLocal: async (options) => {
      local = options;
      return 0;
    },
    runRecover: async () => 0,
    connect: () =>
      testControl({
        status: async () => {
          if (failure !== undefined) {
            throw failure;
          }
          return status;
        },
      }),
    writeOut: (text) => {
      out += text;
    },
    writeError: (text) => {
      error += text;
    },
    isTerminal: false,
    nowMs: () => 0,
    pause: async () => undefined,
  });
  return { code, out: stripVTControlCharacters(out), error, local, flags };
}

describe('runProgram()', () => {
  test('node passes its flags on untouched', async () => {
    const result = await run(['node', '--data=x', '--nonsense']);
    expect(result).toMatchObject({ code: 7, flags: ['--data=x', '--nonsense'] });
    expect((await run(['node', '--help'])).out).toBe('all options\n');
  });

  test('local has defaults, and passes on what follows --', async () => {
    expect((await run(['local'])).local).toEqual({
      nodeCount: 3,
      shardCount: undefined,
      port: 8000,
      dataFolder: '.data/local',
      nodeArguments: [],
    });
    const given = await run(['local', '--nodes', '5', '--port=9000', '--', '--log-level=debug']);
    expect(given.local).toMatchObject({
      nodeCount: 5,
      shardCount: undefined,
      port: 9000,
      nodeArguments: ['--log-level=debug'],
    });
  });

  test('version is said in two ways', async () => {
    expect(await run(['version'])).toMatchObject({ code: 0, out: '9.9.9\n' });
    expect(await run(['--version'])).toMatchObject({ code: 0, out: '9.9.9\n' });
  });

  test('what is not understood ends with code 1 and one line', async () => {
    for (const commandLine of [['fly'], ['local', '--port', 'x'], ['status', '--loud']]) {
      const result = await run(commandLine);
      expect(result.code).toBe(1);
      expect(result.error.trim().split('\n')).toHaveLength(1);
    }
  });

  test('status says what is wrong', async () => {
    const { code, out } = await run(['status']);
    expect(code).toBe(0);
    expect(out).toContain('health    impaired');
    expect(out).toContain('nodes     2 of 3 active');
    expect(out).toContain('lag       15 entries at most');
    expect(out).toContain('NodeDown  Node 3 does not answer');
  });

  test('nodes and shards are tables', async () => {
    const nodes = (await run(['nodes'])).out.split('\n');
    expect(nodes[0]).toMatch(/^NODE +STATE +LEADS +COPIES/);
    expect(nodes[3]).toMatch(/^n3 +active, silent +0 +2 .*NodeDown$/);
    const shards = (await run(['shards', '--raft'])).out.split('\n');
    expect(shards[1]).toMatch(/^system +n1 +4 +40 +40 +15 +n1, n2 -15, n3 \? +asleep$/);
    expect((await run(['shards'])).out.split('\n')[0]).toMatch(/^SHARD +HASHES +SIZE +n1 +n2 +n3/);
  });

  test('--json gives the whole answer', async () => {
    expect(JSON.parse((await run(['shards', '--json'])).out)).toEqual(status);
  });

  test('a node that does not answer is named', async () => {
    const result = await run(['status', '--endpoint', 'h:1'], new Error('refused'));
    expect(result).toMatchObject({ code: 1, error: 'Cannot ask the node at h:1: refused\n' });
    const asJson = await run(['status', '--json', '--endpoint', 'h:1'], new Error('refused'));
    expect(JSON.parse(asJson.error)).toEqual({
      error: { reason: 'Failed', message: 'Cannot ask the node at h:1: refused' },
    });
  });
});
