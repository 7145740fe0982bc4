/**
 * How many pods may be evicted at a time: one, and none while losing one more ready pod would
 * break a quorum (O21). From three replicas an unhealthy pod may be evicted only within the budget,
 * so that one sick shard does not let a drain of machines take all pods. A cluster of one node has
 * none: it would only keep its machine from ever being drained.
 */
import type { V1PodDisruptionBudget } from '@kubernetes/client-node';
import type { KubeObject } from '../api/kube-object.ts';
import { objectNames, selectorLabels } from '../api/names.ts';
import type { BuildContext } from './build-context.ts';
import { kubeObject, ownedMeta } from './build-context.ts';

const healthyFromReplicas = 3;

/** Undefined: there must be none. */
export function buildPodDisruptionBudget(
  context: BuildContext,
  isQuorumAtRisk: boolean,
): KubeObject | undefined {
  const { metadata, spec } = context.cluster;
  if (!spec.podDisruptionBudget.enabled || spec.replicas < 2) {
    return undefined;
  }
  const meta = ownedMeta(context, objectNames(metadata.name).podDisruptionBudget);
  return kubeObject<V1PodDisruptionBudget>('policy/v1', 'PodDisruptionBudget', meta, {
    spec: {
      maxUnavailable: isQuorumAtRisk ? 0 : 1,
      unhealthyPodEvictionPolicy:
        spec.replicas >= healthyFromReplicas ? 'IfHealthyBudget' : 'AlwaysAllow',
      selector: { matchLabels: selectorLabels(metadata.name) },
    },
  });
}
