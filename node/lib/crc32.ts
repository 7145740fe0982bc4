/**
 * CRC-32 (the polynomial of zlib), at the speed of native code. The one place that knows where
 * it comes from. A `seed` other than 0 salts or continues a sum: whoever does not know the seed
 * cannot build bytes that pass. It finds damage; it is no signature.
 */
import { crc32 as zlibCrc32 } from 'node:zlib';

/** The sum of `bytes`, 0 … 2^32−1, going on from `seed`. */
export function crc32(bytes: Uint8Array | string, seed = 0): number {
  return zlibCrc32(bytes, seed);
}
