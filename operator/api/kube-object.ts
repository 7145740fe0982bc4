/**
 * Kubernetes objects as the JSON they are. Types name what the operator reads or writes; a field
 * that they do not know is kept and sent on untouched.
 */

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

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
