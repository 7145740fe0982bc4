/** Reads: the two rules of etcd#20418, and that every read is answered exactly once. */
import { describe, expect, test } from '@jest/globals';
import { Reads } from './reads.ts';

function newReads(): { reads: Reads; heard: string[]; ask: (name: string) => void } {
  let ids = 0;
  const reads = new Reads(() => {
    ids += 1;
    return Buffer.from([0, 0, 0, 0, 0, 0, 0, ids]);
  });
  const heard: string[] = [];
  const ask = (name: string): void => {
    reads.add((confirmed) => {
      heard.push(`${name}:${confirmed}`);
    });
  };
  return { reads, heard, ask };
}

function started(reads: Reads): Buffer {
  const id = reads.startRound();
  expect(id).toBeDefined();
  return id as Buffer;
}

/** The ticks after which a round is given up. */
function giveUp(reads: Reads): void {
  for (let tick = 0; tick < 5; tick++) {
    reads.tick();
  }
}

describe('Reads', () => {
  test('one round serves every read queued before it', () => {
    const { reads, heard, ask } = newReads();
    ask('a');
    ask('b');
    const id = started(reads);
    reads.confirmed(id, 5, 5);
    expect(heard).toEqual(['a:true', 'b:true']);
    expect(reads.idle).toBe(true);
  });

  test('a read asked for during a round waits for the next one', () => {
    const { reads, heard, ask } = newReads();
    ask('a');
    const first = started(reads);
    ask('late');
    expect(reads.startRound()).toBeUndefined();
    reads.confirmed(first, 5, 5);
    expect(heard).toEqual(['a:true']);
    reads.confirmed(started(reads), 5, 5);
    expect(heard).toEqual(['a:true', 'late:true']);
  });

  test('a confirmed read waits until its index is applied', () => {
    const { reads, heard, ask } = newReads();
    ask('a');
    reads.confirmed(started(reads), 7, 5);
    reads.applied(6);
    expect(heard).toEqual([]);
    expect(reads.idle).toBe(false);
    reads.applied(7);
    expect(heard).toEqual(['a:true']);
    expect(reads.idle).toBe(true);
  });

  test('a round without an answer is retried under a fresh id, its reads first', () => {
    const { reads, heard, ask } = newReads();
    ask('a');
    const first = started(reads);
    ask('b');
    giveUp(reads);
    const second = started(reads);
    expect(second.equals(first)).toBe(false);
    reads.confirmed(second, 5, 5);
    expect(heard).toEqual(['a:true', 'b:true']);
  });

  test('the late answer to a retried round is dropped', () => {
    const { reads, heard, ask } = newReads();
    ask('a');
    const first = started(reads);
    giveUp(reads);
    reads.confirmed(first, 5, 5);
    expect(heard).toEqual([]);
    const second = started(reads);
    reads.confirmed(first, 5, 5);
    expect(heard).toEqual([]);
    reads.confirmed(second, 6, 6);
    expect(heard).toEqual(['a:true']);
  });

  test('dropAll() refuses queued, asked and confirmed reads', () => {
    const { reads, heard, ask } = newReads();
    ask('waits');
    reads.confirmed(started(reads), 9, 5);
    ask('asked');
    const id = started(reads);
    ask('queued');
    expect(reads.count).toBe(3);
    reads.dropAll();
    expect(heard).toEqual(['waits:false', 'asked:false', 'queued:false']);
    expect(reads.idle).toBe(true);
    reads.confirmed(id, 5, 5);
    reads.applied(9);
    expect(heard).toHaveLength(3);
  });

  test('a read asked for by an answered one starts its own round', () => {
    const { reads, heard, ask } = newReads();
    reads.add(() => {
      ask('next');
    });
    reads.confirmed(started(reads), 5, 5);
    expect(heard).toEqual([]);
    reads.confirmed(started(reads), 5, 5);
    expect(heard).toEqual(['next:true']);
  });

  test('a read refused by dropAll() may ask again at once', () => {
    const { reads, heard, ask } = newReads();
    reads.add((confirmed) => {
      expect(confirmed).toBe(false);
      ask('again');
    });
    reads.dropAll();
    reads.confirmed(started(reads), 5, 5);
    expect(heard).toEqual(['again:true']);
  });
});
