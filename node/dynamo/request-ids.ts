/**
 * Request ids in DynamoDB's form: 52 characters of 0-9A-Z. Unique over nodes and restarts by a
 * random prefix drawn once, unique within by a counter; not secret. One string a request, no
 * random bytes on the hot path.
 */
import type { Random } from '../sys/random.ts';

export const requestIdLength = 52;
const prefixLength = 40;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUV';

export function createRequestIds(random: Random): () => string {
  let prefix = '';
  for (const byte of random.bytes(prefixLength)) {
    prefix += alphabet.charAt(byte % alphabet.length);
  }
  let count = 0;
  return () => {
    count += 1;
    return (
      prefix +
      count
        .toString(36)
        .toUpperCase()
        .padStart(requestIdLength - prefixLength, '0')
    );
  };
}
