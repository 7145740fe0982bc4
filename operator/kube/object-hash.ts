/** Hashes and times of objects: small things that the pure folders leave to this one. */
import { createHash } from 'node:crypto';

/** SHA-256 of the object as JSON, hex. */
export function objectHash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** A time of an object in ms since 1970; 0: it has none. */
export function msOfTime(time: string | undefined): number {
  const ms = Date.parse(time ?? '');
  return Number.isFinite(ms) ? ms : 0;
}
