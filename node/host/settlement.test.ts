/** Settlement: the table of protocols.md P3, one row per test. */
import { describe, expect, test } from '@jest/globals';
import { Settlement } from './settlement.ts';

function pendingAt(index: number, ...terms: number[]): { settlement: Settlement; heard: string[] } {
  const settlement = new Settlement();
  const heard: string[] = [];
  for (const term of terms) {
    settlement.add(index, term, (outcome) => {
      heard.push(`${term}:${outcome}`);
    });
  }
  return { settlement, heard };
}

describe('Settlement', () => {
  test('applied() with the same term settles as done', () => {
    const { settlement, heard } = pendingAt(10, 2);
    settlement.applied(10, 2);
    expect(heard).toEqual(['2:done']);
    expect(settlement.count).toBe(0);
  });

  test.each([1, 3])('applied() with term %i instead of 2 settles as not done', (term) => {
    const { settlement, heard } = pendingAt(10, 2);
    settlement.applied(10, term);
    expect(heard).toEqual(['2:notDone']);
  });

  test('applied() of other indexes settles nothing', () => {
    const { settlement, heard } = pendingAt(10, 2);
    settlement.applied(9, 3);
    settlement.applied(11, 3);
    expect(heard).toEqual([]);
    expect(settlement.count).toBe(1);
  });

  test('applied() settles proposals of several terms at one index, each by its own', () => {
    const { settlement, heard } = pendingAt(10, 2, 4);
    settlement.applied(10, 2);
    expect(heard.sort()).toEqual(['2:done', '4:notDone']);
    expect(settlement.count).toBe(0);
  });

  test('each proposal is settled once only', () => {
    const { settlement, heard } = pendingAt(10, 2);
    settlement.applied(10, 2);
    settlement.applied(10, 3);
    settlement.snapshotInstalled(12);
    settlement.close();
    expect(heard).toEqual(['2:done']);
  });

  test('snapshotInstalled() makes what it covers unknown, its own index too, and no more', () => {
    const { settlement, heard } = pendingAt(10, 2);
    settlement.snapshotInstalled(9);
    expect(heard).toEqual([]);
    settlement.snapshotInstalled(10);
    expect(heard).toEqual(['2:unknown']);
  });

  test('close() makes all that is left unknown', () => {
    const { settlement, heard } = pendingAt(10, 2);
    settlement.close();
    expect(heard).toEqual(['2:unknown']);
    expect(settlement.count).toBe(0);
  });

  test('a proposal made while another is settled waits for its own entry', () => {
    const settlement = new Settlement();
    const heard: string[] = [];
    settlement.add(10, 2, (outcome) => {
      heard.push(outcome);
      settlement.add(11, 2, (next) => heard.push(`next ${next}`));
    });
    settlement.applied(10, 2);
    expect(heard).toEqual(['done']);
    settlement.applied(11, 2);
    expect(heard).toEqual(['done', 'next done']);
  });
});
