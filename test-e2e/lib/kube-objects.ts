/**
 * The parts of Kubernetes objects that the tests read, with the types of the operator's client; and
 * how objects and collections are named.
 */
import type * as kube from '../../operator/api/kube-object.ts';

export type KubeObject = kube.KubeObject;
export type ObjectMeta = kube.ObjectMeta;
export type OwnerReference = kube.OwnerReference;
export type Condition = kube.PodCondition;
export type ContainerStatus = kube.ContainerStatus;
/** Any that was stored has a `spec`. */
type Stored<T extends { readonly spec?: unknown }> = T & { readonly spec: NonNullable<T['spec']> };
export type Pod = Stored<kube.Pod>;
export type Node = Stored<kube.Machine>;
export type PersistentVolumeClaim = Stored<kube.Claim>;
export type PersistentVolume = Stored<kube.Volume>;

/** Which object; `namespace` only for namespaced kinds. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** Which objects. */
export interface CollectionRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** True when the condition of this type is `True`. */
export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return conditions?.some((each) => each.type === type && each.status === 'True') === true;
}

/** Ready, and not on its way out. */
export function isReadyPod(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && isTrue(pod.status?.conditions, 'Ready');
}
