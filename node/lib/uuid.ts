/** UUIDs (RFC 9562, version 4 layout) from bytes given: random ones, or derived ones. */
import { assert } from './assert.ts';

/** `bytes`: 16 of them. */
export function uuidOf(bytes: Uint8Array): string {
  assert(bytes.length === 16, 'A UUID has 16 bytes');
  const copy = Buffer.from(bytes);
  copy[6] = ((copy[6] ?? 0) & 0x0f) | 0x40;
  copy[8] = ((copy[8] ?? 0) & 0x3f) | 0x80;
  const hex = copy.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
