/** A `ClusterControl` for tests, that refuses whatever a test does not give. */
import type { ClusterControl } from './cluster-control.ts';

const refuse = async (): Promise<never> => await Promise.reject(new Error('not asked here'));

export function testControl(given: Partial<ClusterControl>): ClusterControl {
  return {
    ...{ identify: refuse, init: refuse, joinCluster: refuse, status: refuse, plan: refuse },
    ...{ movement: refuse, settings: refuse, updateSettings: refuse, startRebalance: refuse },
    ...{ pauseRebalance: refuse, cancelRebalance: refuse, setNodeState: refuse },
    ...{ drainProgress: refuse, removeNode: refuse, moveReplica: refuse, transferLeader: refuse },
    close: () => undefined,
    ...given,
  };
}
