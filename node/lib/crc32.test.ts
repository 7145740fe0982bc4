// Goal: the sum is the well-known one, and seeding both continues and salts it.
import { describe, expect, test } from '@jest/globals';
import { crc32 } from './crc32.ts';

describe('crc32()', () => {
  test('gives the check value of the polynomial', () => {
    expect(crc32('123456789')).toBe(0xcbf43926);
  });

  test('continues a sum over two parts', () => {
    expect(crc32(Buffer.from('6789'), crc32(Buffer.from('12345')))).toBe(0xcbf43926);
  });

  test('differs under another seed', () => {
    expect(crc32(Buffer.from('same'), 1)).not.toBe(crc32(Buffer.from('same'), 2));
  });
});
