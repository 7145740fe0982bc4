/** How prometheus-operator finds the nodes of a cluster. */
import type { KubeObject } from '../api/kube-object.ts';
import { labels, objectNames, selectorLabels } from '../api/names.ts';
import type { BuildContext } from './build-context.ts';
import { kubeObject, ownedMeta } from './build-context.ts';

/** By which alerts and dashboards group (manifests/README.md). */
const clusterMetaLabel = `__meta_kubernetes_pod_label_${labels.cluster.replaceAll(/[^a-z]/g, '_')}`;

/** Undefined: there must be none. */
export function buildPodMonitor(context: BuildContext): KubeObject | undefined {
  const { metadata, spec } = context.cluster;
  const { enabled, intervalSeconds, labels: chosenBy } = spec.monitoring.podMonitor;
  if (!enabled) {
    return undefined;
  }
  const meta = ownedMeta(context, objectNames(metadata.name).podMonitor);
  return kubeObject(
    'monitoring.coreos.com/v1',
    'PodMonitor',
    { ...meta, labels: { ...chosenBy, ...meta.labels } },
    {
      spec: {
        selector: { matchLabels: selectorLabels(metadata.name) },
        podMetricsEndpoints: [
          {
            port: 'ops',
            path: '/metrics',
            interval: `${intervalSeconds}s`,
            // A node that is not ready has the most to tell.
            filterRunning: true,
            relabelings: [{ sourceLabels: [clusterMetaLabel], targetLabel: 'dynamocluster' }],
          },
        ],
      },
    },
  );
}
