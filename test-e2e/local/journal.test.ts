import { describe, expect, test } from '@jest/globals';
import { latestProcesses, parseJournal } from './journal.ts';
import type { JournalRecord } from './journal.ts';
import { identifyProcess, isAlive, ownIdentity } from './process-identity.ts';

const component = { name: 'etcd', program: 'etcd', args: [], logFile: 'etcd.log' };

function started(pid: number): JournalRecord {
  return { kind: 'process', component, process: { pid, startTicks: `${pid}0` } };
}

describe('journal', () => {
  test('a line that an interruption cut short is left out', () => {
    const whole: JournalRecord = { kind: 'address', address: '192.0.2.10' };
    expect(parseJournal(`${JSON.stringify(whole)}\n{"kind":"proc`)).toEqual([whole]);
    expect(parseJournal('')).toEqual([]);
  });

  test('latestProcesses() knows a component that was started again by its last process', () => {
    const records = [started(10), { kind: 'ready' } as const, started(11)];
    expect(latestProcesses(records).get('etcd')?.process.pid).toBe(11);
  });
});

describe('process identity', () => {
  test('a pid with another start time is another process', () => {
    const own = ownIdentity();
    expect(own.pid).toBe(process.pid);
    expect(isAlive(own)).toBe(true);
    expect(isAlive({ ...own, startTicks: '1' })).toBe(false);
  });

  test('there is no process without a pid', () => {
    // Above the highest pid that Linux gives.
    expect(identifyProcess(4_194_305)).toBeUndefined();
  });
});
