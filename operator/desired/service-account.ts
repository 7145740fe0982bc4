/** The account of the nodes: it has no rights, and its token is not mounted. */
import type { V1ServiceAccount } from '@kubernetes/client-node';
import type { KubeObject } from '../api/kube-object.ts';
import { objectNames } from '../api/names.ts';
import type { BuildContext } from './build-context.ts';
import { kubeObject, ownedMeta } from './build-context.ts';

export function buildServiceAccount(context: BuildContext): KubeObject {
  const { serviceAccount } = objectNames(context.cluster.metadata.name);
  const meta = ownedMeta(context, serviceAccount);
  return kubeObject<V1ServiceAccount>('v1', 'ServiceAccount', meta, {
    automountServiceAccountToken: false,
  });
}
