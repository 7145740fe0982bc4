/** LogPins: what holds a log, and for how long. Method: a leader's real log. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { encodeBatch } from '../items/batch.ts';
import { LoneGroup } from '../sim/lone-group.ts';
import { LogPins } from './log-pins.ts';

const entryBytes = 1_000;
let lone: LoneGroup;
let pins: LogPins;

function write(count: number): void {
  for (let i = 0; i < count; i++) {
    const writes = [{ key: Buffer.from(`k${i}`), value: Buffer.alloc(entryBytes) }];
    lone.group.propose(encodeBatch(writes), lone.group.openTerm, () => undefined);
  }
  lone.commit();
}

beforeEach(() => {
  lone = new LoneGroup();
  lone.lead();
  pins = new LogPins();
});

const terms = { bytesMax: 1_000_000 };

describe('LogPins', () => {
  test('floor() is the lowest pin; without pins nothing is held', () => {
    const [one, two] = [{}, {}];
    expect(pins.floor(lone.group)).toBe(Infinity);
    pins.pin(lone.group, one, 5, terms);
    pins.pin(lone.group, two, 3, terms);
    expect(pins.floor(lone.group)).toBe(3);
    pins.pin(lone.group, two, 9, terms);
    expect(pins.floor(lone.group)).toBe(5);
    pins.unpin(lone.group, one);
    expect(pins.floor(lone.group)).toBe(9);
    pins.unpin(lone.group, two);
    pins.unpin(lone.group, two);
    expect(pins.floor(lone.group)).toBe(Infinity);
  });

  test('a pin over its budget is given up once, and its owner hears it; others stay', () => {
    let lost = 0;
    const greedy = { bytesMax: 5 * entryBytes, lost: () => (lost += 1) };
    const start = lone.group.lastIndex;
    pins.pin(lone.group, {}, start, greedy);
    pins.pin(lone.group, {}, start + 1, terms);
    write(4);
    expect([pins.floor(lone.group), lost]).toEqual([start, 0]);
    write(2);
    expect([pins.floor(lone.group), lost]).toEqual([start + 1, 1]);
    expect([pins.floor(lone.group), lost]).toEqual([start + 1, 1]);
  });

  test('a pin that moves on costs only what is above it', () => {
    let lost = 0;
    const token = {};
    const small = { bytesMax: 3 * entryBytes, lost: () => (lost += 1) };
    for (let i = 0; i < 10; i++) {
      pins.pin(lone.group, token, lone.group.lastIndex, small);
      write(2);
      expect(pins.floor(lone.group)).toBe(lone.group.lastIndex - 2);
    }
    expect(lost).toBe(0);
    pins.forget(lone.group);
    expect(pins.floor(lone.group)).toBe(Infinity);
  });
});
