/**
 * Keeps the plain objects of a cluster (Services, budget, policy, account, …) as they should be,
 * by server-side apply. An object is made by POST and changed only if it is ours (O16). Applying
 * what is there already costs the API server a write check each time, so it is left out while
 * nothing changed: neither what is wanted (by hash) nor what is there (by resource version). All
 * of it is applied anew after a restart and every few minutes (O17).
 */
import type { Clock } from '../../node/sys/clock.ts';
import type { Hindrance } from '../api/observed.ts';
import { findKind } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import type { KubeObject } from '../api/kube-object.ts';
import { controllerOf } from '../kube/kube-objects.ts';
import { objectHash } from '../kube/object-hash.ts';

interface Applied {
  readonly hash: string;
  readonly resourceVersion: string;
}

/** Kinds that the operator may not delete (O19): they are emptied, and go with the cluster. */
const undeletableKinds: readonly string[] = ['PodMonitor'];
/** Of another project: a cluster can do without. */
const optionalGroup = 'monitoring.coreos.com';

function collision({ kind, metadata }: KubeObject): Hindrance {
  const message =
    `A ${kind} "${metadata.name}" is there that is not of this cluster: delete it, or give ` +
    'this cluster another name';
  return { reason: 'NameCollision', message };
}

function kindMissing({ kind, apiVersion }: KubeObject): Hindrance {
  const message =
    `The API server knows no ${kind} of ${apiVersion}: install the CRDs of its project, or switch ` +
    'it off in the spec';
  return { reason: 'KindMissing', message };
}

/** A PodMonitor that scrapes nothing. */
function isSilent({ spec }: KubeObject): boolean {
  const { podMetricsEndpoints = [] } = (spec ?? {}) as { podMetricsEndpoints?: readonly unknown[] };
  return podMetricsEndpoints.length === 0;
}

export class OwnedObjects {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #applied = new Map<string, Applied>();
  readonly #checkedMs = new Map<string, { readonly hash: string; readonly atMs: number }>();

  constructor(options: { readonly client: KubeClient; readonly clock: Clock }) {
    this.#client = options.client;
    this.#clock = options.clock;
  }

  /**
   * Brings all of them to what is wanted; answers those that are somebody else's. Objects that did
   * not change are looked at again after `checkMs`.
   */
  async ensure(
    ownerUid: string,
    wanted: { readonly objects: readonly KubeObject[]; readonly unwanted: readonly KubeObject[] },
    checkMs = 10_000,
  ): Promise<readonly Hindrance[]> {
    const hash = objectHash(wanted);
    const checked = this.#checkedMs.get(ownerUid);
    const nowMs = this.#clock.monotonicMs();
    if (checked?.hash === hash && nowMs - checked.atMs < checkMs) {
      return [];
    }
    const collisions: Hindrance[] = [];
    for (const object of wanted.unwanted) {
      await this.#remove(ownerUid, object);
    }
    for (const object of wanted.objects) {
      const hindrance = await this.#ensureOne(ownerUid, object);
      if (hindrance !== undefined) {
        collisions.push(hindrance);
      }
    }
    if (collisions.length === 0) {
      this.#checkedMs.set(ownerUid, { hash, atMs: nowMs });
    }
    return collisions;
  }

  /** Somebody touched an object of this cluster: it is looked at in the next round. */
  forget(ownerUid: string): void {
    this.#checkedMs.delete(ownerUid);
  }

  /** One of another is left alone, and so is a kind that is not installed. */
  async #remove(ownerUid: string, object: KubeObject): Promise<void> {
    const { namespace = '', name } = object.metadata;
    const live = await this.#client.find(findKind(object), namespace, name);
    const { uid } = live?.metadata ?? {};
    if (live === undefined || uid === undefined || controllerOf(live)?.uid !== ownerUid) {
      return;
    }
    if (!undeletableKinds.includes(object.kind)) {
      await this.#client.delete(live, { uid });
    } else if (!isSilent(live)) {
      await this.#client.mergePatch(live, { spec: { podMetricsEndpoints: [] } });
    }
  }

  /** What stands in the way of it; undefined: nothing does. */
  async #ensureOne(ownerUid: string, object: KubeObject): Promise<Hindrance | undefined> {
    const { namespace = '', name } = object.metadata;
    const live = await this.#client.find(findKind(object), namespace, name);
    if (live === undefined) {
      try {
        this.#note(object, await this.#client.create(object));
      } catch (error) {
        if (isKubeError(error, 404) && object.apiVersion.startsWith(`${optionalGroup}/`)) {
          return kindMissing(object);
        }
        // Somebody made it this moment: the next round sees whose it is.
        if (!isKubeError(error, 409)) {
          throw error;
        }
      }
      return undefined;
    }
    if (controllerOf(live)?.uid !== ownerUid) {
      return collision(object);
    }
    const known = this.#applied.get(live.metadata.uid ?? '');
    const isSame =
      known?.hash === objectHash(object) && known.resourceVersion === live.metadata.resourceVersion;
    // One that is going away comes anew in a later round.
    if (!isSame && live.metadata.deletionTimestamp === undefined) {
      this.#note(object, await this.#client.apply(object));
    }
    return undefined;
  }

  #note(wanted: KubeObject, live: KubeObject): void {
    const { uid = '', resourceVersion = '' } = live.metadata;
    this.#applied.set(uid, { hash: objectHash(wanted), resourceVersion });
  }
}
