import { describe, expect, test } from '@jest/globals';
import { BodyBudget, readBody } from './body-reader.ts';
import type { BodyOutcome, BodySource } from './body-reader.ts';

class FakeSource implements BodySource {
  readonly headers = {};
  paused = false;
  readonly #listeners = new Map<string, ((chunk: Buffer) => void)[]>();

  on(event: 'data' | 'end' | 'close', listener: (chunk: Buffer) => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  pause(): void {
    this.paused = true;
  }

  emit(event: 'data' | 'end' | 'close', chunk = ''): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      listener(Buffer.from(chunk));
    }
  }
}

function read(
  chunks: readonly string[],
  budget = new BodyBudget(100),
): { source: FakeSource; outcomes: BodyOutcome[] } {
  const source = new FakeSource();
  const outcomes: BodyOutcome[] = [];
  readBody(source, { bodyBytesMax: 10, discardBytesMax: 20, budget }, (outcome) => {
    outcomes.push(outcome);
  });
  for (const chunk of chunks) {
    source.emit('data', chunk);
  }
  return { source, outcomes };
}

describe('readBody()', () => {
  test.each([
    [[], ''],
    [['abc'], 'abc'],
    [['abc', 'de', 'fghij'], 'abcdefghij'],
  ])('gives the body of %j', (chunks, body) => {
    const { source, outcomes } = read(chunks);
    source.emit('end');
    source.emit('close');
    expect(outcomes.map(String)).toEqual([body]);
  });

  test('refuses a body over the limit at its end', () => {
    const { source, outcomes } = read(['0123456789', 'x', 'yz']);
    expect(outcomes).toEqual([]);
    source.emit('end');
    expect(outcomes).toEqual(['tooLarge']);
    expect(source.paused).toBe(false);
  });

  test('stops reading a body that goes on over the second limit', () => {
    const { source, outcomes } = read(['0123456789', '0123456789x', 'y']);
    source.emit('end');
    expect(outcomes).toEqual(['endless']);
    expect(source.paused).toBe(true);
  });

  test('calls nobody when the sender goes away', () => {
    const budget = new BodyBudget(100);
    const { source, outcomes } = read(['abc'], budget);
    expect(budget.bytesHeld).toBe(3);
    source.emit('close');
    source.emit('end');
    expect(outcomes).toEqual([]);
    expect(budget.bytesHeld).toBe(0);
  });
});

describe('BodyBudget', () => {
  test('bounds the bytes of all bodies held at once', () => {
    const budget = new BodyBudget(12);
    const first = read(['12345678'], budget);
    const second = read(['12345'], budget);
    second.source.emit('end');
    expect(second.outcomes).toEqual(['busy']);
    first.source.emit('end');
    expect(first.outcomes.map(String)).toEqual(['12345678']);
    expect(budget.bytesHeld).toBe(0);
    const third = read(['12345678', '90'], budget);
    third.source.emit('end');
    expect(third.outcomes.map(String)).toEqual(['1234567890']);
  });
});
