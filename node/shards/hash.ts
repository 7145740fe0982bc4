/**
 * The hash that places a partition key: MurmurHash3 x86_32 (Austin Appleby, public domain
 * algorithm), seed 0, over the encoded key. Part of the data format: it never changes.
 */

const c1 = 0xcc9e2d51;
const c2 = 0x1b873593;

function mixBlock(block: number): number {
  const scrambled = Math.imul(block, c1);
  return Math.imul((scrambled << 15) | (scrambled >>> 17), c2);
}

/** 0 … 2^32−1. */
export function hashKey(bytes: Uint8Array): number {
  const length = bytes.length;
  const blocksEnd = length & ~3;
  let hash = 0;
  for (let i = 0; i < blocksEnd; i += 4) {
    const block =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    hash ^= mixBlock(block);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = length - 1; i >= blocksEnd; i--) {
    tail = (tail << 8) | (bytes[i] as number);
  }
  return finish(hash ^ mixBlock(tail) ^ length);
}

/** `hashKey` of two 32-bit numbers, each as four bytes, highest first; without the bytes. */
export function hashPair(first: number, second: number): number {
  return finish(mixWord(mixWord(0, first), second) ^ 8);
}

function mixWord(hash: number, word: number): number {
  const turned = (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
  const mixed = hash ^ mixBlock(turned);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(mixed: number): number {
  let hash = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
