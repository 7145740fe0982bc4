/** Overlay: pending rows by the index that wrote them last. */
import { describe, expect, test } from '@jest/globals';
import type { RowWrite } from '../items/batch.ts';
import { Overlay } from './overlay.ts';

const value = (text: string): Buffer => Buffer.from(text);

function write(name: string, text: string): RowWrite {
  return { key: Buffer.from(name), value: value(text) };
}

describe('Overlay', () => {
  test('shows the last pending row, a pending delete as absent, else nothing', () => {
    const overlay = new Overlay();
    expect(overlay.get('a')).toBeUndefined();
    overlay.put('a', 5, value('1'));
    overlay.put('a', 6, value('2'));
    overlay.put('b', 7, undefined);
    expect(overlay.get('a')?.toString()).toBe('2');
    expect(overlay.get('b')).toBeNull();
    expect(overlay.size).toBe(2);
  });

  test('a row leaves when the entry that wrote it last is applied, not before', () => {
    const overlay = new Overlay();
    overlay.put('a', 5, value('1'));
    overlay.put('a', 6, value('2'));
    overlay.applied(5, [write('a', '1')]);
    expect(overlay.get('a')?.toString()).toBe('2');
    overlay.applied(6, [write('a', '2'), write('other', 'x')]);
    expect(overlay.get('a')).toBeUndefined();
    expect(overlay.size).toBe(0);
  });

  test('an entry that is applied with other rows than were proposed is a bug', () => {
    const overlay = new Overlay();
    overlay.put('a', 5, value('1'));
    expect(() => {
      overlay.applied(5, [write('a', '2')]);
    }).toThrow('what was proposed');
  });

  test('indexes of one row rise', () => {
    const overlay = new Overlay();
    overlay.put('a', 5, value('1'));
    expect(() => {
      overlay.put('a', 5, value('2'));
    }).toThrow('rising');
  });
});
