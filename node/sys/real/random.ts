/** Randomness of the operating system: unguessable, for ids and nonces. */
import { randomBytes } from 'node:crypto';
import type { Random } from '../random.ts';

export const realRandom: Random = {
  uint32: () => randomBytes(4).readUInt32LE(0),
  bytes: (count: number) => randomBytes(count),
};
