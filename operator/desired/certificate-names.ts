/** The names in the certificates of a cluster: what its nodes and Services are dialled by. */
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import { objectNames } from '../api/names.ts';

export interface CertificateNames {
  /** Common name: for people. */
  readonly subject: string;
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
}

/** Short, and in full for the usual domain: nobody has to tell which domain it is. */
function serviceNames(service: string, namespace: string): string[] {
  const inNamespace = `${service}.${namespace}.svc`;
  return [inNamespace, `${inNamespace}.cluster.local`];
}

/**
 * One for all nodes of a cluster: a certificate proves cluster and role, and which node it is says
 * the hello. Loopback is for the program in the pod itself.
 */
export function peerCertificateNames({ metadata }: DynamoCluster): CertificateNames {
  const { peersService } = objectNames(metadata.name);
  return {
    subject: `${metadata.namespace}/${metadata.name} node`,
    dnsNames: [
      ...serviceNames(peersService, metadata.namespace).map((name) => `*.${name}`),
      'localhost',
    ],
    addresses: ['127.0.0.1', '::1'],
  };
}

/** What the operator and people's tools show to the nodes. */
export function operatorCertificateNames({ metadata }: DynamoCluster): CertificateNames {
  const subject = `${metadata.namespace}/${metadata.name} operator`;
  return { subject, dnsNames: [], addresses: [] };
}

export function clientCertificateNames({ metadata, spec }: DynamoCluster): CertificateNames {
  const { clientService, peersService } = objectNames(metadata.name);
  const { namespace } = metadata;
  return {
    subject: `${namespace}/${metadata.name} client port`,
    dnsNames: [
      ...[clientService, `${clientService}.${namespace}`],
      ...serviceNames(clientService, namespace),
      ...serviceNames(peersService, namespace).map((name) => `*.${name}`),
      'localhost',
      ...spec.tls.client.dnsNames,
    ],
    addresses: ['127.0.0.1', '::1'],
  };
}
