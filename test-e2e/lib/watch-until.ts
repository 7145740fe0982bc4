/**
 * Waits until a set of objects is as wanted: lists, then watches, and lists again when the watch
 * ends, fails or has been silent for a while, so that a dead watch delays a test and does not fail
 * it. When the time is up the error says what was still missing.
 */
import type { KubeClient } from './kube-client.ts';
import type { CollectionRef, KubeObject, ObjectRef } from './kube-objects.ts';
import { timeouts } from './timeouts.ts';
import { WaitError, pause } from './waiting.ts';

export interface Wanted<T extends KubeObject> {
  /** Completes "Waited 5000 ms for …". */
  readonly what: string;
  readonly timeoutMs: number;
  /** What is still missing, in a few words; undefined when all is as wanted. */
  readonly missing: (objects: readonly T[]) => string | undefined;
}

/** The objects, once nothing is missing. */
export async function watchUntil<T extends KubeObject>(
  client: KubeClient,
  from: CollectionRef,
  wanted: Wanted<T>,
): Promise<readonly T[]> {
  const end = AbortSignal.timeout(wanted.timeoutMs);
  const seen: Seen<T> = { objects: new Map(), missing: 'nothing was listed yet' };
  while (!end.aborted) {
    try {
      if (await lookOnce(client, from, { wanted, seen, end })) {
        return [...seen.objects.values()];
      }
    } catch (error) {
      if (!end.aborted) {
        seen.missing = `the last request failed (${Error.isError(error) ? error.message : ''})`;
        await pause(timeouts.poll);
      }
    }
  }
  throw new WaitError(`Waited ${wanted.timeoutMs} ms for ${wanted.what}: ${seen.missing}`);
}

/** The one object, once nothing is missing; `missing` gets undefined while it does not exist. */
export async function watchObject<T extends KubeObject>(
  client: KubeClient,
  ref: ObjectRef,
  wanted: Omit<Wanted<T>, 'missing'> & {
    readonly missing: (object: T | undefined) => string | undefined;
  },
): Promise<T | undefined> {
  const { name, ...rest } = ref;
  const [object] = await watchUntil<T>(
    client,
    { ...rest, fieldSelector: `metadata.name=${name}` },
    { ...wanted, missing: (objects) => wanted.missing(objects[0]) },
  );
  return object;
}

/** Waits until the object is gone, or another of the same name stands in its place. */
export async function watchGone(
  client: KubeClient,
  ref: ObjectRef & { readonly uid?: string },
  timeoutMs: number = timeouts.gone,
): Promise<void> {
  const { uid, ...object } = ref;
  await watchObject(client, object, {
    what: `${ref.kind} ${ref.name} to be gone`,
    timeoutMs,
    missing: (found) =>
      found === undefined || (uid !== undefined && found.metadata.uid !== uid)
        ? undefined
        : `it is still there, deleted: ${found.metadata.deletionTimestamp ?? 'not at all'}`,
  });
}

interface Seen<T> {
  readonly objects: Map<string, T>;
  missing: string;
}

interface Look<T extends KubeObject> {
  readonly wanted: Wanted<T>;
  readonly seen: Seen<T>;
  readonly end: AbortSignal;
}

async function lookOnce<T extends KubeObject>(
  client: KubeClient,
  from: CollectionRef,
  { wanted, seen, end }: Look<T>,
): Promise<boolean> {
  const isDone = (): boolean => {
    const missing = wanted.missing([...seen.objects.values()]);
    seen.missing = missing ?? '';
    return missing === undefined;
  };
  const listing = await client.list<T>(from);
  seen.objects.clear();
  for (const item of listing.items) {
    seen.objects.set(keyOf(item), item);
  }
  if (isDone()) {
    return true;
  }
  const signal = AbortSignal.any([end, AbortSignal.timeout(timeouts.watch)]);
  for await (const { type, object } of client.watch(from, listing.resourceVersion, signal)) {
    if (type === 'ERROR') {
      return false;
    }
    if (type === 'DELETED') {
      seen.objects.delete(keyOf(object));
    } else if (type !== 'BOOKMARK') {
      seen.objects.set(keyOf(object), object as T);
    }
    if (type !== 'BOOKMARK' && isDone()) {
      return true;
    }
  }
  return false;
}

function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}
