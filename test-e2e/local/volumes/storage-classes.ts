/**
 * The storage classes of the local cluster, answered by `provisioner.ts`. All bind when a pod is
 * scheduled and may be expanded; they differ in where the data may be used again:
 *
 *   standard    in the zone of the first pod's node (the default class): a network disk
 *   host-bound  on that node alone: a local disk, lost with the node
 *   small       in the zone, 128 MiB on a file system of its own: a disk that gets full
 */
import type { KubeObject } from '../../lib/kube-objects.ts';

export const provisionerName = 'dynakv.dev/e2e-local';
export const zoneLabel = 'topology.kubernetes.io/zone';
export const hostLabel = 'kubernetes.io/hostname';

export interface VolumeKind {
  readonly className: string;
  /** Label of nodes whose value of the first pod's node binds the volume. */
  readonly boundTo: string;
  /** Size of its own file system; none: a folder on the host's disk. */
  readonly fileSystemBytes?: number;
}

export const volumeKinds: readonly VolumeKind[] = [
  { className: 'standard', boundTo: zoneLabel },
  { className: 'host-bound', boundTo: hostLabel },
  // Small enough to be filled within seconds, and the least that ext4 makes good use of.
  { className: 'small', boundTo: zoneLabel, fileSystemBytes: 128 * 1024 * 1024 },
];

export const storageClasses: readonly KubeObject[] = volumeKinds.map((kind, index) => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: kind.className,
    annotations: { 'storageclass.kubernetes.io/is-default-class': String(index === 0) },
  },
  provisioner: provisionerName,
  volumeBindingMode: 'WaitForFirstConsumer',
  reclaimPolicy: 'Delete',
  allowVolumeExpansion: true,
}));
