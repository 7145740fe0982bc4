/**
 * Who may open connections to the nodes: peers and the operator the peers port, clients the client
 * port, anybody the operations port, which shows no data. Nothing is said of what nodes may open,
 * as names must be looked up and images of users may need more.
 */
import type {
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
} from '@kubernetes/client-node';
import type { PeerSelector } from '../api/cluster-spec.ts';
import type { KubeObject, Wire } from '../api/kube-object.ts';
import { labels, objectNames, operatorName, ports, selectorLabels } from '../api/names.ts';
import type { BuildContext } from './build-context.ts';
import { kubeObject, ownedMeta } from './build-context.ts';

function portOf(number: number): Wire<V1NetworkPolicyPort> {
  return { port: number, protocol: 'TCP' };
}

function peerOf({ namespaceLabels, podLabels }: PeerSelector): Wire<V1NetworkPolicyPeer> {
  return {
    ...(namespaceLabels === undefined
      ? {}
      : { namespaceSelector: { matchLabels: namespaceLabels } }),
    ...(podLabels === undefined ? {} : { podSelector: { matchLabels: podLabels } }),
  };
}

/** Undefined: there must be none. */
export function buildNetworkPolicy(context: BuildContext): KubeObject | undefined {
  const { metadata, spec } = context.cluster;
  const { enabled, clientsFrom } = spec.networkPolicy;
  if (!enabled) {
    return undefined;
  }
  const own = { podSelector: { matchLabels: selectorLabels(metadata.name) } };
  const operator = {
    namespaceSelector: {
      matchLabels: { 'kubernetes.io/metadata.name': context.operatorNamespace },
    },
    podSelector: { matchLabels: { [labels.name]: operatorName } },
  };
  const meta = ownedMeta(context, objectNames(metadata.name).networkPolicy);
  return kubeObject<V1NetworkPolicy>('networking.k8s.io/v1', 'NetworkPolicy', meta, {
    spec: {
      podSelector: { matchLabels: selectorLabels(metadata.name) },
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [portOf(ports.peers)], from: [own, operator] },
        {
          ports: [portOf(ports.client)],
          ...(clientsFrom.length === 0
            ? {}
            : { from: [own, operator, ...clientsFrom.map(peerOf)] }),
        },
        { ports: [portOf(ports.operations)] },
      ],
    },
  });
}
