/** Who set a field last, as the API server keeps it in `managedFields`. Pure. */
import type { ObjectMeta } from './kube-object.ts';

/** Name of the manager; empty: nobody is noted. `path` as in `['spec', 'replicas']`. */
export function managerOf(metadata: ObjectMeta, path: readonly string[]): string {
  const owners = (metadata.managedFields ?? []).filter((entry) => owns(entry.fieldsV1, path));
  const [last] = [...owners].sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? 1 : -1));
  return last?.manager ?? '';
}

function owns(fields: unknown, path: readonly string[]): boolean {
  let at: unknown = fields;
  for (const name of path) {
    at = (at as Readonly<Record<string, unknown>> | null | undefined)?.[`f:${name}`];
  }
  return at !== undefined;
}
