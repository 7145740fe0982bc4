/**
 * The kinds that the operator touches and where the API serves them: fixed, so that it never needs
 * the right to discover. The list is also what its roles must allow.
 */
import type { KubeObject } from '../api/kube-object.ts';

export interface Kind<T extends KubeObject = KubeObject> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: carries the type of the objects. */
  readonly objects?: T;
}

function kind<T extends KubeObject>(
  apiVersion: string,
  name: string,
  plural: string,
  namespaced = true,
): Kind<T> {
  return { apiVersion, kind: name, plural, namespaced };
}

/** A kind whose objects have a type of their own. */
export const kindOf = kind;

const known: readonly Kind[] = [
  kind('dynakv.dev/v1alpha1', 'DynamoCluster', 'dynamoclusters'),
  kind('apps/v1', 'StatefulSet', 'statefulsets'),
  kind('v1', 'Pod', 'pods'),
  kind('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  kind('v1', 'PersistentVolume', 'persistentvolumes', false),
  kind('v1', 'Service', 'services'),
  kind('v1', 'ServiceAccount', 'serviceaccounts'),
  kind('v1', 'ConfigMap', 'configmaps'),
  kind('v1', 'Secret', 'secrets'),
  kind('v1', 'Node', 'nodes', false),
  kind('v1', 'Event', 'events'),
  kind('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  kind('storage.k8s.io/v1', 'StorageClass', 'storageclasses', false),
  kind('coordination.k8s.io/v1', 'Lease', 'leases'),
  kind('monitoring.coreos.com/v1', 'PodMonitor', 'podmonitors'),
  kind('monitoring.coreos.com/v1', 'PrometheusRule', 'prometheusrules'),
];

const byName = new Map(known.map((each) => [`${each.apiVersion} ${each.kind}`, each]));

/** The kind of an object; throws for one that the operator has no business with. */
export function findKind(object: { readonly apiVersion: string; readonly kind: string }): Kind {
  const found = byName.get(`${object.apiVersion} ${object.kind}`);
  if (found === undefined) {
    throw new Error(`Cannot use this kind of object: ${object.apiVersion} ${object.kind}`);
  }
  return found;
}

/** The path of a collection, or of one object in it. */
export function pathOf(of: Kind, namespace?: string, name?: string): string {
  const { apiVersion, plural, namespaced } = of;
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope =
    namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const tail = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${base}${scope}/${plural}${tail}`;
}
