/** Lists, watches and keys of Kubernetes objects (their types: `api/kube-object.ts`). */
import type { KubeObject, ObjectMeta, OwnerReference } from '../api/kube-object.ts';

/** One page of a list, or all of it. */
export interface Listing<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** `namespace/name`, or the name of an object of the whole cluster. */
export function keyOf(object: { readonly metadata: ObjectMeta }): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The controller among the owners. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}
