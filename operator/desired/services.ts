/**
 * The two Services of a cluster: `peers` gives each pod a name, ready or not, since nodes must find
 * each other to become ready; `client` is what applications use. Both take either address family.
 */
import type { V1Service, V1ServicePort } from '@kubernetes/client-node';
import type { KubeObject, Wire } from '../api/kube-object.ts';
import { objectNames, ports, selectorLabels } from '../api/names.ts';
import type { BuildContext } from './build-context.ts';
import { kubeObject, ownedMeta } from './build-context.ts';

function port(name: string, number: number, target: string): Wire<V1ServicePort> {
  return { name, port: number, targetPort: target, protocol: 'TCP' };
}

export function buildPeersService(context: BuildContext): KubeObject {
  const { name } = context.cluster.metadata;
  const meta = ownedMeta(context, objectNames(name).peersService);
  return kubeObject<V1Service>('v1', 'Service', meta, {
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      ipFamilyPolicy: 'PreferDualStack',
      selector: selectorLabels(name),
      ports: [port('peers', ports.peers, 'peers'), port('ops', ports.operations, 'ops')],
    },
  });
}

export function buildClientService(context: BuildContext): KubeObject {
  const { metadata, spec } = context.cluster;
  const { type, port: number, annotations } = spec.service;
  const meta = ownedMeta(context, objectNames(metadata.name).clientService);
  const isTls = spec.tls.client.mode !== 'Disabled';
  return kubeObject<V1Service>(
    'v1',
    'Service',
    Object.keys(annotations).length === 0 ? meta : { ...meta, annotations },
    {
      spec: {
        type,
        ipFamilyPolicy: 'PreferDualStack',
        selector: selectorLabels(metadata.name),
        ports: [{ ...port('client', number, 'client'), appProtocol: isTls ? 'https' : 'http' }],
      },
    },
  );
}

/** Where clients inside the Kubernetes cluster find it. */
export function endpointOf({ cluster }: Pick<BuildContext, 'cluster'>): string {
  const { metadata, spec } = cluster;
  const scheme = spec.tls.client.mode === 'Disabled' ? 'http' : 'https';
  const { clientService } = objectNames(metadata.name);
  return `${scheme}://${clientService}.${metadata.namespace}.svc:${spec.service.port}`;
}
