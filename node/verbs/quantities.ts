/** Bytes, rates, durations and names as people read and write them. Decimal units, two digits. */
import { assumedNodeIdFirst } from '../contract/cluster-calls.ts';
import { DynakvError } from '../lib/errors.ts';
import { secondMs } from '../lib/units.ts';

const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const byteUnits = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `0 B`, `1.5 KB`, `85 MB`. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const text = unit === 0 || value >= 9.95 ? value.toFixed(0) : value.toFixed(1);
  return `${text} ${byteUnits[unit] ?? ''}`;
}

/** `0.4 s`, `34 s`, `2 min 5 s`, `3 h 10 min`. */
export function formatDuration(ms: number): string {
  if (ms < 10 * secondMs) {
    return `${(Math.max(0, ms) / secondMs).toFixed(1)} s`;
  }
  const seconds = Math.round(ms / secondMs);
  if (seconds < 60) {
    return `${seconds} s`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `n4`; `new1` for a node that a plan assumes. */
export function formatNodeId(nodeId: number): string {
  const isAssumed = nodeId >= assumedNodeIdFirst;
  return isAssumed ? `new${nodeId - assumedNodeIdFirst + 1}` : `n${nodeId}`;
}

/** `n1, n4`; `none`. */
export function formatNodeIds(nodeIds: readonly number[]): string {
  return nodeIds.length === 0 ? 'none' : nodeIds.map(formatNodeId).join(', ');
}

/** `1 copy`, `7 copies`; the plural of a noun that takes more than an s is given. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

export function formatGroup(groupId: number): string {
  return groupId === 0 ? 'system' : String(groupId);
}

/** `n4` or `4`. */
export function parseNodeId(text: string): number {
  const [, digits] = /^n?(\d{1,9})$/.exec(text) ?? [];
  if (digits === undefined || Number(digits) === 0) {
    throw new DynakvError('ConfigInvalid', `Cannot understand a node: n1, n2, … not "${text}"`);
  }
  return Number(digits);
}

/** `7`. */
export function parseWhole(text: string, what: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new DynakvError(
      'ConfigInvalid',
      `Cannot understand ${what}: a whole number, not "${text}"`,
    );
  }
  return Number(text);
}

/** `90s`, `5m`, `1h`, `500ms`; in ms. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|min|h)$/.exec(text) ?? [];
  const unitsMs: Readonly<Record<string, number>> = {
    ...{ ms: 1, s: secondMs, m: minuteMs, min: minuteMs, h: hourMs },
  };
  const unitMs = unitsMs[unit ?? ''];
  if (unitMs === undefined) {
    throw new DynakvError('ConfigInvalid', `Cannot understand a time: 90s, 5m, 1h, not "${text}"`);
  }
  return Number(amount) * unitMs;
}

/** `500KB`, `64MB`, `1.5GB`; in bytes. */
export function parseBytes(text: string): number {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,3})?)\s?(B|KB|MB|GB|TB)$/i.exec(text) ?? [];
  const power = byteUnits.findIndex((each) => each === unit?.toUpperCase());
  if (power < 0) {
    throw new DynakvError('ConfigInvalid', `Cannot understand bytes: 64MB, 1.5GB, not "${text}"`);
  }
  return Math.round(Number(amount) * 1_000 ** power);
}
