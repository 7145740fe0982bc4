/** The verbs over calls that a test answers: what they ask, what they print, what they refuse. */
import { describe, expect, test } from '@jest/globals';
import { Command, CommanderError } from 'commander';
import { stripVTControlCharacters } from 'node:util';
import type { ClusterCalls, DrainView, FenceView } from '../contract/cluster-calls.ts';
import { DynakvError } from '../lib/errors.ts';
import { addClusterVerbs } from './cluster-verbs.ts';
import { idleMovement, movement, nowMs, plan, status, testCalls } from './testing-cluster.ts';

interface Options {
  readonly isTerminal?: boolean;
}

async function run(
  line: string,
  calls: Partial<ClusterCalls>,
  { isTerminal = false }: Options = {},
): Promise<string> {
  let out = '';
  const program = new Command('dynakv')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  addClusterVerbs(program, {
    addTargetOptions: (command) => command.option('--endpoint <host:port>', '', 'h:1'),
    open: (flags) => {
      expect(flags['endpoint']).toBe('h:1');
      return testCalls(calls);
    },
    writeOut: (text) => (out += text),
    isTerminal,
    nowMs: () => nowMs,
    pause: async () => undefined,
  });
  await program.parseAsync(line.split(' '), { from: 'user' });
  return isTerminal ? out : stripVTControlCharacters(out);
}

const changed = { revision: 6, changed: true };

describe('rebalance', () => {
  test('--watch draws frames over each other until nothing is left', async () => {
    const answers = [movement, movement, ...Array.from({ length: 6 }, () => idleMovement)];
    let asked = 0;
    const calls = { movement: async () => answers[asked++] ?? movement };
    const out = await run('rebalance --watch', calls, { isTerminal: true });
    expect(asked).toBe(answers.length);
    expect(out).toContain('\u001b[0J');
    expect(out.match(/moves under way|under way/g)?.length).toBe(2);
    expect(out.trimEnd().endsWith('moves   none left')).toBe(true);
  });

  test('--watch writes a line a change where there is no terminal, and goes on after silence', async () => {
    let asked = 0;
    const answers = [
      movement,
      undefined,
      movement,
      ...Array.from({ length: 6 }, () => idleMovement),
    ];
    const out = await run('rebalance --watch', {
      movement: async () => {
        const answer = answers[asked++];
        if (answer === undefined) {
          throw new DynakvError('Unavailable', 'nobody there');
        }
        return answer;
      },
    });
    expect(out.split('\n').map((line) => line.slice(0, 20))).toEqual([
      ...['running: 9 of 24 mov', 'No answer, asking ag', 'idle: nothing left t', ''],
    ]);
  });

  test('pause names the revision that it saw, and again after a conflict', async () => {
    const fences: FenceView[] = [];
    const out = await run('rebalance pause', {
      movement: async () => movement,
      pauseRebalance: async (fence) => {
        fences.push(fence);
        if (fences.length === 1) {
          throw new DynakvError('Refused', 'changed', { reason: 'RevisionConflict' });
        }
        return changed;
      },
    });
    expect(fences).toEqual([{ expectedRevision: 5 }, { expectedRevision: 5 }]);
    expect(out).toContain('paused');
  });

  test('a conflict without end is refused in the end', async () => {
    let attempts = 0;
    const cancelled = run('rebalance cancel', {
      movement: async () => movement,
      cancelRebalance: async () => {
        attempts += 1;
        throw new DynakvError('Refused', 'changed', { reason: 'RevisionConflict' });
      },
    });
    await expect(cancelled).rejects.toThrow('changed');
    expect(attempts).toBe(8);
  });
});

describe('plan', () => {
  test('asks for nodes to come, to go and to stand elsewhere', async () => {
    const requests: unknown[] = [];
    const calls: Partial<ClusterCalls> = {
      plan: async (request) => {
        requests.push(request);
        return plan;
      },
    };
    await run('plan --add 2 --zone a --zone b', calls);
    await run('plan --drain n2,3 --zones n1=a,n2=b', calls);
    const text = await run('plan --json', calls);
    expect(requests).toEqual([
      {
        add: [
          { zone: 'a', weight: 0 },
          { zone: 'b', weight: 0 },
        ],
        ...{ drainNodeIds: [], zones: [] },
      },
      {
        add: [],
        drainNodeIds: [2, 3],
        zones: [
          { nodeId: 1, zone: 'a' },
          { nodeId: 2, zone: 'b' },
        ],
      },
      { add: [], drainNodeIds: [], zones: [] },
    ]);
    expect(JSON.parse(text)).toEqual(plan);
  });

  test.each(['--add x', '--add 101', '--add 3 --zone a --zone b', '--drain two', '--zones n1'])(
    'refuses %s',
    async (flags) => {
      await expect(run(`plan ${flags}`, { plan: async () => plan })).rejects.toThrow(/^Cannot /);
    },
  );
});

describe('drain', () => {
  const drain: DrainView = {
    ...{ state: 'draining', revision: 3, shardsRemaining: 7, leadersRemaining: 2 },
    ...{ bytesRemaining: 6e8, startedAtMs: 0, lastProgressAtMs: 0, blockedBy: [], owner: 'person' },
  };

  test('waits until the node is empty', async () => {
    const answers = [
      drain,
      drain,
      { ...drain, shardsRemaining: 1 },
      { ...drain, state: 'drained' },
    ];
    let asked = 0;
    const out = await run('drain n2', {
      status: async () => status,
      setNodeState: async (change) => {
        expect(change).toEqual({
          ...{ nodeId: 2, state: 'draining', owner: 'person', fence: { expectedRevision: 2 } },
        });
        return changed;
      },
      drainProgress: async () => answers[asked++] ?? drain,
    });
    expect(out.split('\n')).toEqual([
      'n2 is draining: 7 copies, 2 leaderships, 600 MB left',
      'n2 is draining: 1 copy, 2 leaderships, 600 MB left',
      'n2 is drained',
      '',
    ]);
  });

  test('--cancel makes it active, --no-wait ends at once', async () => {
    const states: string[] = [];
    const calls: Partial<ClusterCalls> = {
      status: async () => status,
      setNodeState: async ({ state }) => {
        states.push(state);
        return changed;
      },
    };
    await run('drain n2 --cancel', calls);
    await run('drain n2 --no-wait', calls);
    expect(states).toEqual(['active', 'draining']);
  });

  test('names the nodes when there is no such one', async () => {
    await expect(run('drain n9', { status: async () => status })).rejects.toThrow(
      'Cannot find n9: the nodes are n1, n2, n3, n4, n5',
    );
  });
});

describe('shards', () => {
  test('move and transfer name a shard and nodes, under the plan’s revision', async () => {
    const asked: unknown[] = [];
    const calls: Partial<ClusterCalls> = {
      movement: async () => movement,
      moveReplica: async (change) => {
        asked.push(change);
        return changed;
      },
      transferLeader: async (change) => {
        asked.push(change);
        return changed;
      },
    };
    await run('shards move 3 --from n1 --to n4', calls);
    const text = await run('shards transfer 3 --to n2 --json', calls);
    const fence = { expectedRevision: 5 };
    expect(asked).toEqual([
      { fence, groupId: 3, fromNodeId: 1, toNodeId: 4 },
      { fence, groupId: 3, toNodeId: 2 },
    ]);
    expect(JSON.parse(text)).toEqual({ groupId: 3, toNodeId: 2, ...changed });
    await expect(run('shards move 3 --from n1', calls)).rejects.toThrow(CommanderError);
  });
});

describe('settings', () => {
  test('changes what is given, and nothing else', async () => {
    let asked: unknown;
    const settings = {
      ...{ rebalanceMode: 'Auto', concurrentMovesMax: 2, snapshotBytesPerSecond: 32e6 },
      ...{ deadNodeGraceMs: 300_000, replicationFactor: 3, finalizeMode: 'Auto', revision: 9 },
    };
    const calls: Partial<ClusterCalls> = {
      settings: async () => settings,
      updateSettings: async (change) => {
        asked = change;
        return settings;
      },
    };
    expect(await run('settings', calls)).toContain('grace     5 min 0 s');
    expect(asked).toBeUndefined();
    await run('settings --grace 2m --rate 64MB', calls);
    expect(asked).toEqual({
      fence: { expectedRevision: 9 },
      settings: { deadNodeGraceMs: 120_000, snapshotBytesPerSecond: 64e6 },
      allowLowerReplication: false,
    });
  });
});
