/**
 * What people see, frame by frame: each view of one invented cluster against an accepted text
 * (`testdata/*.txt`; `make golden F=node/verbs`).
 */
import { describe, expect, test } from '@jest/globals';
import { stripVTControlCharacters } from 'node:util';
import { expectGolden } from '../test/golden.ts';
import { formatDrain, formatDrainLine } from './drain-view.ts';
import { formatNodes } from './nodes-view.ts';
import { formatPlan } from './plan-view.ts';
import { progressBar } from './progress-bar.ts';
import { formatRebalance, formatRebalanceLine } from './rebalance-view.ts';
import { formatReplicas } from './replicas-view.ts';
import { formatSettings } from './settings-verb.ts';
import { formatShards } from './shards-view.ts';
import { formatStatus } from './status-view.ts';
import { idleMovement, movement, nowMs, plan, rebalance, status } from './testing-cluster.ts';

const drain = {
  ...{ state: 'draining', revision: 3, shardsRemaining: 7, leadersRemaining: 2 },
  ...{ bytesRemaining: 600e6, startedAtMs: nowMs - 90_000, lastProgressAtMs: nowMs - 400 },
  blockedBy: rebalance.blockedBy,
  owner: 'person',
};

const settings = {
  ...{ rebalanceMode: 'Auto', concurrentMovesMax: 2, snapshotBytesPerSecond: 32 * 2 ** 20 },
  ...{ deadNodeGraceMs: 300_000, replicationFactor: 3, finalizeMode: 'Auto', revision: 1 },
};

const refusals = [
  {
    ...{ reason: 'BelowReplicationFactor', nodeId: 2, groupIds: [] },
    message: 'Cannot drain node 2: 3 copies need 3 nodes, and 2 would be left',
  },
];

const frames: Readonly<Record<string, string>> = {
  status: formatStatus(status),
  nodes: formatNodes(status),
  shards: formatShards(status),
  'shards-raft': formatReplicas(status),
  rebalance: formatRebalance(movement, nowMs),
  'rebalance-paused': formatRebalance(
    { status: { ...rebalance, state: 'paused', bytesTotal: 0, bytesDone: 0 }, moves: [] },
    nowMs,
  ),
  'rebalance-idle': formatRebalance(idleMovement, nowMs),
  plan: formatPlan(plan),
  'plan-refused': formatPlan({ ...plan, moves: [], movesTotal: 0, refusals }),
  drain: formatDrain(2, drain, nowMs),
  settings: formatSettings(settings),
};

describe('views', () => {
  for (const [name, text] of Object.entries(frames)) {
    test(`${name} is as accepted`, () => {
      expectGolden(`node/verbs/testdata/${name}.txt`, `${stripVTControlCharacters(text)}\n`);
    });
  }

  test('fewer copies than are wanted are named', () => {
    const lone = { ...status, effectiveReplicationFactor: 1 };
    expect(formatStatus(lone)).toContain('copies wanted: 3, kept until there are nodes: 1');
    expect(formatStatus(status)).not.toContain('kept until');
  });

  test('without zones, each node counts as one', () => {
    const nodes = status.nodes.map((node) => ({
      ...node,
      ...(node.member === undefined ? {} : { member: { ...node.member, zone: '' } }),
    }));
    const text = formatShards({ ...status, nodes });
    expect(text).toContain('spread  4 of 4 shards stand in 3 zones');
    expect(text).toContain('none are set');
  });

  test('the lines for logs say the same in short', () => {
    expect(formatRebalanceLine(movement)).toBe(
      'running: 9 of 24 moves, 900 MB of 2.4 GB, 41 MB/s, ETA 37 s, InsufficientFreeSpace',
    );
    expect(formatRebalanceLine(idleMovement)).toBe('idle: nothing left to move');
    expect(formatRebalanceLine({ moves: [] })).toContain('unknown');
    expect(formatDrainLine(2, drain)).toBe(
      'n2 is draining: 7 copies, 2 leaderships, 600 MB left; blocked: InsufficientFreeSpace',
    );
    expect(formatDrainLine(2, { ...drain, state: 'drained' })).toBe('n2 is drained');
  });
});

describe('progressBar()', () => {
  test('is full only when all is done, and never beyond', () => {
    expect(progressBar(0, 10, 4)).toBe('[░░░░]   0 %');
    expect(progressBar(999, 1_000, 4)).toBe('[███░]  99 %');
    expect(progressBar(10, 10, 4)).toBe('[████] 100 %');
    expect(progressBar(12, 10, 4)).toBe('[████] 100 %');
    expect(progressBar(0, 0, 4)).toBe('[████] 100 %');
  });
});
