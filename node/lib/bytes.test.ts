/** Goal: what a writer wrote a reader reads; bad bytes are `BadFrame`, never a crash. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteReader, ByteWriter, ownCopy } from './bytes.ts';
import { isDynakvError } from './errors.ts';

const anyInteger = fc.maxSafeNat();

describe('ByteWriter and ByteReader', () => {
  test('integers, bytes and texts come back as they were', () => {
    fc.assert(
      fc.property(
        fc.array(anyInteger),
        fc.uint8Array(),
        fc.string({ unit: 'binary' }),
        (numbers, bytes, text) => {
          const writer = new ByteWriter(1);
          for (const number of numbers) {
            writer
              .varint(number)
              .u64(number)
              .u32(number % 2 ** 32)
              .u8(number % 256);
          }
          const reader = new ByteReader(writer.bytes(bytes).text(text).finish());
          for (const number of numbers) {
            expect(reader.varint()).toBe(number);
            expect(reader.u64()).toBe(number);
            expect(reader.u32()).toBe(number % 2 ** 32);
            expect(reader.u8()).toBe(number % 256);
          }
          expect([...reader.bytes()]).toEqual([...bytes]);
          expect(reader.text()).toBe(Buffer.from(text, 'utf8').toString('utf8'));
          reader.expectEnd();
        },
      ),
    );
  });

  test('random bytes end in a value or in BadFrame', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const reader = new ByteReader(bytes);
        try {
          while (reader.remaining > 0) {
            expect(reader.varint()).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
            reader.bytes();
            reader.u64();
          }
        } catch (error) {
          expect(isDynakvError(error, 'BadFrame')).toBe(true);
        }
      }),
    );
  });

  test('expectEnd() refuses what is left', () => {
    const reader = new ByteReader(Buffer.from([1, 2]));
    reader.u8();
    expect(() => {
      reader.expectEnd();
    }).toThrow('1 bytes are left');
  });
});

describe('ownCopy()', () => {
  test('has memory of its own', () => {
    const copy = ownCopy(Buffer.from('abc'));
    expect(copy.toString()).toBe('abc');
    expect(copy.buffer.byteLength).toBe(3);
  });
});
