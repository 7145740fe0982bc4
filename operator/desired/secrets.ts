/**
 * Secrets of certificates. The authority's key, what is trusted, and the leaves are Secrets of
 * their own: a deleted authority is one more rotation, not the end of the cluster. They go with
 * the cluster: a cluster made anew on kept volumes gets another authority, and its data needs none.
 */
import type { V1Secret } from '@kubernetes/client-node';
import type { KubeObject } from '../api/kube-object.ts';
import { annotations, objectNames } from '../api/names.ts';
import type { BuildContext } from './build-context.ts';
import { kubeObject, ownedMeta } from './build-context.ts';

/** A certificate and its key, PEM. */
export interface PemPair {
  readonly certificate: string;
  readonly key: string;
}

function secret(
  context: BuildContext,
  name: string,
  type: 'kubernetes.io/tls' | 'Opaque',
  stringData: Readonly<Record<string, string>>,
): KubeObject {
  return kubeObject<V1Secret>('v1', 'Secret', ownedMeta(context, name), { type, stringData });
}

/** What signs: kept from pods. */
export function buildAuthoritySecret(context: BuildContext, pair: PemPair): KubeObject {
  const { caKeySecret } = objectNames(context.cluster.metadata.name);
  const data = { 'tls.crt': pair.certificate, 'tls.key': pair.key };
  return secret(context, caKeySecret, 'kubernetes.io/tls', data);
}

/** What is trusted: one or more certificates, PEM. */
export function buildBundleSecret(context: BuildContext, bundle: string): KubeObject {
  const { caBundleSecret } = objectNames(context.cluster.metadata.name);
  return secret(context, caBundleSecret, 'Opaque', { 'ca.crt': bundle });
}

/** A certificate to show, and which authority signed it (O23). */
export function buildLeafSecret(
  context: BuildContext,
  name: string,
  pair: PemPair,
  issuerFingerprint: string,
): KubeObject {
  const data = { 'tls.crt': pair.certificate, 'tls.key': pair.key };
  const built = secret(context, name, 'kubernetes.io/tls', data);
  return {
    ...built,
    metadata: {
      ...built.metadata,
      annotations: { [annotations.issuerFingerprint]: issuerFingerprint },
    },
  };
}
