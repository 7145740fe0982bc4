/**
 * Whether a status is worth a write (O17): at once when a condition, the phase or the generation
 * changed, for numbers and messages at most every ten seconds, never when it says the same.
 */
import type { ClusterStatus } from '../api/cluster-status.ts';

/** Between two writes that tell of numbers alone, ms. */
export const numbersMs = 10_000;

/** What people and programs wait for. */
function headline(status: ClusterStatus): string {
  const { observedGeneration, phase, clusterId, version, image, replicas } = status;
  return JSON.stringify([
    ...[observedGeneration, phase, clusterId, version, image, replicas],
    ...[status.readyReplicas, status.updatedReplicas, status.endpoint],
    (status.operations ?? []).map(({ type, pod, step, blockedBy }) => [
      ...[type, pod, step],
      ...blockedBy.map(({ reason }) => reason),
    ]),
    (status.conditions ?? []).map((each) => [each.type, each.status, each.reason]),
  ]);
}

/** The same object whatever the order of its fields. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(canonical);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, canonical(each)]),
  );
}

/** How long to wait before the status is written, ms; undefined: it says the same. */
export function msUntilWrite(
  before: ClusterStatus | undefined,
  after: ClusterStatus,
  sinceWriteMs: number,
): number | undefined {
  const [old, next] = [canonical(before ?? {}), canonical(after)] as [ClusterStatus, ClusterStatus];
  if (JSON.stringify(old) === JSON.stringify(next)) {
    return undefined;
  }
  return headline(old) !== headline(next) ? 0 : Math.max(0, numbersMs - sinceWriteMs);
}
