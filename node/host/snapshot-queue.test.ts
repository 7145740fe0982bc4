/** SnapshotQueue: who goes next, and that nobody is asked in a hot loop. */
import { describe, expect, test } from '@jest/globals';
import { SnapshotQueue } from './snapshot-queue.ts';

interface Entry {
  readonly name: string;
  readonly nodeId: number;
  readonly priority: number;
}

function entry(name: string, nodeId = 1, priority = 0): Entry {
  return { name, nodeId, priority };
}

const itself = (one: Entry): Entry => one;

function takeAll(queue: SnapshotQueue<Entry>, nowMs: number): string {
  const names: string[] = [];
  for (let next = queue.take(nowMs, itself); next; next = queue.take(nowMs, itself)) {
    names.push(next.entry.name);
  }
  return names.join(' ');
}

describe('SnapshotQueue', () => {
  test('first come, first served; a higher priority before', () => {
    const queue = new SnapshotQueue<Entry>();
    queue.add(entry('a'));
    queue.add(entry('b', 2, 5));
    queue.add(entry('c'));
    queue.add(entry('d', 3, 5));
    expect(takeAll(queue, 0)).toBe('b d a c');
    expect(queue.size).toBe(0);
  });

  test('one that failed goes behind the others, and waits longer each time up to a bound', () => {
    const queue = new SnapshotQueue<Entry>();
    const failing = entry('a');
    const waits: number[] = [];
    let nowMs = 0;
    for (let attempts = 0; attempts < 8; attempts++) {
      const why = { delay: 'failed', nodeId: 1 } as const;
      queue.again(failing, attempts, why, { ms: nowMs, unit: 0.5 });
      queue.add(entry('b'));
      expect(takeAll(queue, nowMs)).toBe('b');
      const waitMs = queue.waitMs(nowMs, ({ nodeId }) => nodeId) ?? 0;
      waits.push(waitMs);
      nowMs += waitMs - 1;
      expect(takeAll(queue, nowMs)).toBe('');
      nowMs += 1;
      expect(queue.take(nowMs, itself)).toEqual({ entry: failing, attempts: attempts + 1 });
    }
    expect(waits).toEqual([150, 300, 600, 1200, 2400, 3750, 3750, 3750]);
  });

  test('a node that refuses makes all that is meant for it wait, and nothing else', () => {
    const queue = new SnapshotQueue<Entry>();
    for (const name of ['a', 'b', 'c']) {
      queue.add(entry(name, 1));
    }
    queue.add(entry('other', 2));
    const first = queue.take(0, itself);
    expect(first?.entry.name).toBe('a');
    queue.again(entry('a', 1), 0, { delay: 'busy', nodeId: 1 }, { ms: 0, unit: 0 });
    expect(takeAll(queue, 0)).toBe('other');
    expect(queue.waitMs(0, ({ nodeId }) => nodeId)).toBe(25);
    expect(takeAll(queue, 25)).toBe('b c a');
  });

  test('a busy node is asked a few times a second, a full one twice a minute', () => {
    const asked = (delay: 'busy' | 'full'): number => {
      const queue = new SnapshotQueue<Entry>();
      for (let i = 0; i < 64; i++) {
        queue.add(entry(`${i}`, 1));
      }
      let count = 0;
      for (let nowMs = 0; nowMs < 60_000; nowMs += 1) {
        for (let next = queue.take(nowMs, itself); next; next = queue.take(nowMs, itself)) {
          count += 1;
          queue.again(next.entry, next.attempts, { delay, nodeId: 1 }, { ms: nowMs, unit: 0.5 });
        }
      }
      return count;
    };
    expect(asked('busy')).toBeLessThan(60 * 4);
    expect(asked('full')).toBeLessThan(8);
  });

  test('accepted() ends the wait of a node; remove() takes one out', () => {
    const queue = new SnapshotQueue<Entry>();
    const [a, b] = [entry('a'), entry('b')];
    queue.again(a, 0, { delay: 'full', nodeId: 1 }, { ms: 0, unit: 0 });
    queue.add(b);
    expect(takeAll(queue, 0)).toBe('');
    queue.accepted(1);
    queue.remove(b);
    expect(takeAll(queue, 0)).toBe('a');
    expect(queue.waitMs(0, ({ nodeId }) => nodeId)).toBeUndefined();
  });
});
