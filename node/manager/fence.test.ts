/**
 * Fencing (design §6). Goal: no call that changes something passes under an old control epoch or as
 * of an old revision; a call that is repeated changes nothing and is answered, unless its caller
 * has lost control. Method: every fenced command of the system group, in one table.
 */
import { describe, expect, test } from '@jest/globals';
import { makeMove } from '../shards/move.ts';
import { CatalogBench } from './testing-catalog.ts';
import type { Fence } from './fence.ts';
import type { SystemCommand } from './system-commands.ts';

type Fenced = (fence: Fence) => SystemCommand;

const move = makeMove({
  ...{ groupId: 1, kind: 'swap', from: [1], to: [4], bytes: 0, reason: 'Balance' },
});
const settings = { concurrentMovesMax: 5 };

/** Each with what its fence is about. */
const commands: readonly (readonly [what: string, object: string, command: Fenced])[] = [
  ['drain', 'node 4', fenced({ op: 'setNodeState', nodeId: 4, state: 'draining', owner: 'o' })],
  ['removeNode', 'node 4', fenced({ op: 'removeNode', nodeId: 4 })],
  ['evictLeaders', 'node 4', fenced({ op: 'evictLeaders', nodeId: 4, evict: true })],
  ['pausePlan', 'the plan', fenced({ op: 'pausePlan' })],
  ['startPlan', 'the plan', fenced({ op: 'startPlan' })],
  ['cancelPlan', 'the plan', fenced({ op: 'cancelPlan' })],
  ['addMove', 'the plan', fenced({ op: 'addMove', move })],
  ['preferLeader', 'the plan', fenced({ op: 'preferLeader', groupId: 0, nodeId: 3 })],
  [
    'updateSettings',
    'the settings',
    fenced({ op: 'updateSettings', settings, allowLowerReplication: false }),
  ],
];

function fenced(command: object): Fenced {
  return (fence) => ({ ...command, fence }) as SystemCommand;
}

/** Two controllers took control, one after the other; the revisions are of the birth. */
function controlled(what: string): CatalogBench {
  const bench = new CatalogBench();
  if (what === 'removeNode') {
    bench.setNode(4, { state: 'drained' });
    bench.empty(4);
  }
  bench.run({ op: 'acquireControl', holder: 'a' });
  bench.run({ op: 'acquireControl', holder: 'b' });
  return bench;
}

function revisionOf(bench: CatalogBench, object: string): number {
  const { catalog } = bench;
  const { plan, settings: row } = catalog;
  const node = catalog.nodes.get(4);
  return object === 'the plan'
    ? plan.revision
    : ((object === 'node 4' ? node : row)?.revision ?? 0);
}

describe.each(commands)('%s', (what, object, command) => {
  test('is refused under an old control epoch, naming who holds the new one', () => {
    const bench = controlled(what);
    const fence = { controlEpoch: 1, expectedRevision: revisionOf(bench, object) };
    const message = `Cannot change ${object} under control epoch 1: epoch 2 is held by "b"`;
    expect(bench.refusal(command(fence))).toEqual(['ControlConflict', message]);
  });

  test('is refused as of another revision, naming the present one', () => {
    const bench = controlled(what);
    const expectedRevision = revisionOf(bench, object) + 7;
    const [reason, message] = bench.refusal(command({ controlEpoch: 2, expectedRevision }));
    expect(reason).toBe('RevisionConflict');
    expect(message).toBe(
      `Cannot change ${object} as of revision ${expectedRevision}: it is at ` +
        `${expectedRevision - 7} by now; look at it again`,
    );
  });

  test('passes for the holder, and is answered again when it is repeated, but to no other', () => {
    const bench = controlled(what);
    const fence = { controlEpoch: 2, expectedRevision: revisionOf(bench, object) };
    expect(bench.run(command(fence)).reply).toMatchObject({ changed: true });
    const repeated = bench.run(command(fence));
    expect(repeated.reply).toMatchObject({ changed: false });
    expect(repeated.writes).toEqual([]);
    bench.run({ op: 'acquireControl', holder: 'c' });
    expect(bench.refusal(command(fence))[0]).toBe('ControlConflict');
  });
});

test('a person names no epoch, and still the revision', () => {
  const bench = controlled('evictLeaders');
  const evict = fenced({ op: 'evictLeaders', nodeId: 4, evict: true });
  expect(bench.refusal(evict({ controlEpoch: 0, expectedRevision: 9 }))[0]).toBe(
    'RevisionConflict',
  );
  expect(bench.run(evict({ controlEpoch: 0, expectedRevision: 1 })).reply).toEqual({
    ...{ revision: 2, changed: true },
  });
});
