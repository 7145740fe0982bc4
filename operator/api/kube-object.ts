/**
 * Kubernetes objects as the JSON they are. Types are those of Kubernetes' own client library, as
 * they go over the wire; a field that they do not know is kept and sent on untouched. No code of
 * the library is loaded for them (decision 0075).
 */
import type {
  V1ContainerStatus,
  V1Lease,
  V1Node,
  V1ObjectMeta,
  V1OwnerReference,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodCondition,
  V1Secret,
  V1Service,
  V1StatefulSet,
} from '@kubernetes/client-node';

/** A model of the library as JSON: times are text, and nobody changes what was read. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Field in keyof T]: Wire<T[Field]> }
      : T;

export type OwnerReference = Wire<V1OwnerReference>;

export interface ObjectMeta extends Wire<V1ObjectMeta> {
  readonly name: string;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export type Pod = KubeObject & Wire<V1Pod>;
export type PodCondition = Wire<V1PodCondition>;
export type ContainerStatus = Wire<V1ContainerStatus>;
export type StatefulSet = KubeObject & Wire<V1StatefulSet>;
export type Machine = KubeObject & Wire<V1Node>;
export type Claim = KubeObject & Wire<V1PersistentVolumeClaim>;
export type Volume = KubeObject & Wire<V1PersistentVolume>;
export type Service = KubeObject & Wire<V1Service>;
export type Secret = KubeObject & Wire<V1Secret>;
export type Lease = KubeObject & Wire<V1Lease>;

/** Taken as in a pod. */
export interface Toleration {
  /**
   * Taint key; without one every taint is tolerated, and the operator must be `Exists`.
   * @maxLength 316
   */
  readonly key?: string;
  /** How the value is compared. */
  readonly operator?: 'Exists' | 'Equal';
  /**
   * Taint value, for `Equal`.
   * @maxLength 63
   */
  readonly value?: string;
  /** Which effect is tolerated; without one all are. */
  readonly effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  /**
   * How long a `NoExecute` taint is tolerated; without one for ever.
   * @minimum 0
   * @maximum 31536000
   */
  readonly tolerationSeconds?: number;
}
