/** The spec of the model world's clusters: the fields that a plan reads. */
import type { ClusterSpec } from '../api/cluster-spec.ts';

/** Three nodes, eight shards, three copies, and what `change` says. */
export function testingSpec(change: Partial<ClusterSpec> = {}): ClusterSpec {
  return {
    ...{ replicas: 3, shards: 8, replicationFactor: 3, paused: false },
    topology: { zoneKey: 'topology.kubernetes.io/zone' },
    storage: { size: '1Gi', retention: { whenScaled: 'Retain', whenDeleted: 'Retain' } },
    rebalance: { mode: 'Auto' },
    scaleDown: { stabilizationSeconds: 3, stallSeconds: 600 },
    update: {
      ...{ mode: 'Auto', minReadySeconds: 0, leaderTransferSeconds: 30 },
      ...{ progressDeadlineSeconds: 300, skipPredicates: [] },
    },
    ...change,
  } as unknown as ClusterSpec;
}
