/**
 * What the builders of this folder start from, and what all their objects have: name, labels,
 * owner. Builders are pure: the same context gives the same object to the letter, or pods would be
 * replaced for nothing.
 */
import { apiVersion, clusterKind } from '../api/dynamo-cluster.ts';
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import type { KubeObject, ObjectMeta, Wire } from '../api/kube-object.ts';
import { labels, nodeComponent, operatorName } from '../api/names.ts';

export interface BuildContext {
  readonly cluster: DynamoCluster;
  /** Reference of the image, with tag or digest (`image.ts`). */
  readonly image: string;
  /** Where the operator's own pods are, which the network policy lets in. */
  readonly operatorNamespace: string;
  /** Of any JSON value, hex. */
  readonly hash: (value: unknown) => string;
}

/** Labels of every object of a cluster. Nothing of a version is among them: they never change. */
export function clusterLabels({ cluster }: BuildContext): Readonly<Record<string, string>> {
  const { name, uid } = cluster.metadata;
  return {
    [labels.name]: 'dynakv',
    [labels.instance]: name,
    [labels.managedBy]: operatorName,
    [labels.cluster]: name,
    [labels.clusterUid]: uid,
  };
}

/** Those, and that it belongs to a node: for pods and claims. */
export function nodeLabels(context: BuildContext): Readonly<Record<string, string>> {
  return { ...clusterLabels(context), [labels.component]: nodeComponent };
}

/** Metadata of an object that goes with its cluster. */
export function ownedMeta(context: BuildContext, name: string): ObjectMeta {
  const { namespace } = context.cluster.metadata;
  const ownerReferences = [ownerOf(context)];
  return { name, namespace, labels: clusterLabels(context), ownerReferences };
}

function ownerOf({ cluster }: BuildContext): NonNullable<ObjectMeta['ownerReferences']>[number] {
  const { name, uid } = cluster.metadata;
  return { apiVersion, kind: clusterKind, name, uid, controller: true, blockOwnerDeletion: true };
}

type Head = 'apiVersion' | 'kind' | 'metadata' | 'status';

/** An object of a model, with its kind first. */
export function kubeObject<Model extends object = Readonly<Record<string, unknown>>>(
  version: string,
  kind: string,
  metadata: ObjectMeta,
  rest: Omit<Wire<Model>, Head>,
): KubeObject & Omit<Wire<Model>, Head> {
  return { apiVersion: version, kind, metadata, ...rest };
}
