/** The custom resource itself: its kind, and the object as the API server hands it out. */
import type { ClusterSpec } from './cluster-spec.ts';
import type { ClusterStatus } from './cluster-status.ts';
import type { KubeObject, ObjectMeta } from './kube-object.ts';

export const apiGroup = 'dynakv.dev';
export const apiVersion = `${apiGroup}/v1alpha1`;
export const clusterKind = 'DynamoCluster';

/** Names of pods, claims and Services made from a cluster's name must fit 63 characters. */
export const clusterNameCharactersMax = 40;

/** As the API server hands it out. */
export interface ClusterMeta extends ObjectMeta {
  readonly namespace: string;
  readonly uid: string;
  readonly generation: number;
}

/**
 * @rule self.metadata.name.size() <= 40 => metadata.name must have at most 40 characters, as names
 * of pods and volumes are made from it: {self.metadata.name}
 * @rule self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') => metadata.name must begin
 * with a letter and have only lower case letters, digits and dashes, as it becomes a DNS name:
 * {self.metadata.name}
 * @rule self.spec.replicas >= self.spec.replicationFactor || self.spec.replicas >=
 * oldSelf.spec.replicas || !has(self.status) || !has(self.status.clusterId) => spec.replicas
 * cannot shrink below spec.replicationFactor, as every shard keeps so many copies on as many nodes:
 * {self.spec.replicas} is less than {self.spec.replicationFactor}
 */
export interface DynamoCluster extends KubeObject {
  readonly metadata: ClusterMeta;
  /**
   * What is wanted. `{}` is a valid cluster of three nodes.
   * @default {}
   */
  readonly spec: ClusterSpec;
  /** What the operator observed last. */
  readonly status?: ClusterStatus;
}
