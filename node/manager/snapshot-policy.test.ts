/** snapshotPolicy(): the catalog's words become the limits of a node's snapshots. */
import { describe, expect, test } from '@jest/globals';
import type { MoveReason } from '../shards/move.ts';
import type { MoveRecord } from './plan-records.ts';
import { settingsDefaults } from './plan-records.ts';
import { snapshotPolicy } from './snapshot-policy.ts';

function moveOf(groupId: number, reason: MoveReason, startedAtMs = 1): MoveRecord {
  const id = `m${groupId}`;
  return { id, groupId, kind: 'swap', reason, startedAtMs, order: 0 } as unknown as MoveRecord;
}

describe('snapshotPolicy()', () => {
  test('the byte rate is the setting of the moment', () => {
    const catalog = { settings: settingsDefaults, moves: new Map<string, MoveRecord>() };
    const policy = snapshotPolicy(catalog);
    expect(policy.bytesPerSecond()).toBe(settingsDefaults.snapshotBytesPerSecond);
    catalog.settings = { ...settingsDefaults, snapshotBytesPerSecond: 7 };
    expect(policy.bytesPerSecond()).toBe(7);
  });

  test('repair before balance; a group without a move that began is a repair', () => {
    const list = [
      moveOf(1, 'Balance'),
      moveOf(2, 'Repair'),
      moveOf(3, 'Drain'),
      moveOf(4, 'Balance', 0),
    ];
    const moves = new Map(list.map((move) => [move.id, move]));
    const policy = snapshotPolicy({ settings: settingsDefaults, moves });
    const order = [1, 2, 3, 4, 5].sort((a, b) => policy.priority(b, 1) - policy.priority(a, 1));
    expect(order).toEqual([2, 4, 5, 3, 1]);
  });
});
