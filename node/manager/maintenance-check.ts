/**
 * Whether a node may be away for a while (operator-rules.md O12): without it every group still has
 * a majority that answers, and no other node is away, or about to be. Pure.
 */
import type { ClusterView } from '../shards/cluster-view.ts';
import type { NodeId } from '../sys/network.ts';
import type { Catalog } from './catalog.ts';
import { refusal } from './system-decision.ts';

/** Throws the refusal. */
export function checkMaintenance(catalog: Catalog, view: ClusterView, nodeId: NodeId): void {
  const others = [...catalog.nodes.values()].filter(
    (node) => node.nodeId !== nodeId && node.maintenanceUntilMs !== undefined,
  );
  const [other] = others;
  if (other !== undefined) {
    throw refusal(
      'OtherOperationInProgress',
      `Cannot set maintenance of node ${nodeId}: node ${other.nodeId} is in maintenance`,
      { node: other.nodeId },
    );
  }
  const away = new Set(
    view.nodes
      .filter((node) => node.nodeId === nodeId || node.live === false || node.state === 'dead')
      .map((node) => node.nodeId),
  );
  for (const { groupId, replicas } of view.groups) {
    // One copy has no majority without its node: its shard waits, as it must (O12).
    const voters = replicas.filter(({ role }) => role === 'voter');
    const left = voters.filter((voter) => !away.has(voter.nodeId)).length;
    const isConcerned = voters.some((voter) => voter.nodeId === nodeId);
    if (isConcerned && voters.length > 1 && left * 2 <= voters.length) {
      throw refusal(
        'QuorumAtRisk',
        `Cannot set maintenance of node ${nodeId}: without it group ${groupId} has ${left} of ` +
          `${voters.length} voters that answer`,
        { node: nodeId, group: groupId },
      );
    }
  }
}
