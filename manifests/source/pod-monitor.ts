/**
 * The scrape of every node that an operator runs, as a PodMonitor, and as the part of a plain
 * Prometheus configuration for nodes that run elsewhere. Both give the labels of
 * `label-contract.ts`.
 */
import { clusterLabel, clusterPodLabel, namespaceLabel, nodeLabel } from './label-contract.ts';

/** The name of the operations port in a pod. */
const portName = 'ops';
/** Alerts look at minutes; a scrape costs a node about ten milliseconds. */
const scrapeInterval = '15s';

/** Prometheus turns what may not stand in a label into underscores. */
const metaLabel = `__meta_kubernetes_pod_label_${clusterPodLabel.replace(/[^a-zA-Z0-9_]/g, '_')}`;

/** For the Prometheus operator, which adds namespace and pod by itself. */
export function podMonitor(): object {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: { name: 'dynakv', labels: { 'app.kubernetes.io/name': 'dynakv' } },
    spec: {
      namespaceSelector: { any: true },
      selector: { matchExpressions: [{ key: clusterPodLabel, operator: 'Exists' }] },
      podMetricsEndpoints: [
        {
          port: portName,
          path: '/metrics',
          interval: scrapeInterval,
          relabelings: [{ sourceLabels: [metaLabel], targetLabel: clusterLabel }],
        },
      ],
    },
  };
}

export interface ScrapedNode {
  readonly name: string;
  /** Host and port of its operations port. */
  readonly address: string;
}

/** A cluster outside Kubernetes, or seen from outside: a job with fixed targets. */
export function scrapeJob(
  cluster: { readonly namespace: string; readonly name: string },
  nodes: readonly ScrapedNode[],
  interval: string,
): object {
  return {
    job_name: `${cluster.namespace}/${cluster.name}`,
    scrape_interval: interval,
    scrape_timeout: interval,
    static_configs: nodes.map(({ name, address }) => ({
      targets: [address],
      labels: {
        [namespaceLabel]: cluster.namespace,
        [clusterLabel]: cluster.name,
        [nodeLabel]: name,
      },
    })),
  };
}
