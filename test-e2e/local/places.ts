/**
 * Folders of the local cluster. There is one local cluster on a machine at most, so they are fixed.
 * What must be undone is noted under `/run`, which a restart of the machine empties as it ends the
 * processes and mounts it speaks of.
 */
import { join } from 'node:path';

/** The journal, sockets, certificates and kubeconfigs. Root only. */
export const runFolder = '/run/dynakv-e2e';
/** Data of etcd, containerd, kubelets and volumes: on a disk. */
export const dataFolder = '/var/lib/dynakv-e2e';
/** Parent of all cgroups of the cluster, in every hierarchy. */
export const cgroupName = 'dynakv-e2e';

export const journalFile = join(runFolder, 'journal.jsonl');
export const kubeconfigFile = join(runFolder, 'kubeconfig');
export const pkiFolder = join(runFolder, 'pki');
export const volumesFolder = join(dataFolder, 'volumes');

export function nodeRunFolder(node: string): string {
  return join(runFolder, node);
}

export function nodeDataFolder(node: string): string {
  return join(dataFolder, node);
}

export function containerdSocket(node: string): string {
  return join(nodeRunFolder(node), 'containerd.sock');
}
