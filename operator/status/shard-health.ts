/**
 * How the shards of a database are, from its own status. A voter counts as healthy when its node
 * answers and has not failed; what nobody could be asked about is not judged here.
 */
import type { GroupView, NodeView, StatusView } from '../../node/contract/status-types.ts';
import type { ShardSummary } from '../api/cluster-status.ts';
import { nodeIdOf } from '../api/node-place.ts';

const systemGroupId = 0;

/** Voters of a configuration, both halves of a joint one. */
function votersOf(group: GroupView): readonly number[] {
  const voting = group.replicas.filter(({ role }) => role !== 'learner' && role !== 'none');
  return voting.map(({ nodeId }) => nodeId);
}

function healthyNodes(nodes: readonly NodeView[]): ReadonlySet<number> {
  const healthy = nodes.filter(
    ({ answers, quarantined, state }) => answers && quarantined === '' && state !== 'removed',
  );
  return new Set(healthy.map(nodeIdOf));
}

/** True for the first few entries of lag, which every idle moment clears. */
function isBehind(group: GroupView): boolean {
  return group.replicas.some(({ role, known, lag }) => role === 'voter' && known && lag > lagMax);
}

/** A follower is always a little behind while writes come, entries. */
const lagMax = 10_000;

/** Counts of shards; the system group is none. */
export function summariseShards(status: StatusView): ShardSummary {
  const groups = status.groups.filter(({ groupId }) => groupId !== systemGroupId);
  const factor = status.effectiveReplicationFactor;
  const isUnder = (group: GroupView): boolean => votersOf(group).length < factor;
  const isLeaderless = (group: GroupView): boolean => group.leaderNodeId === 0;
  const isMoving = ({ joint, replicas }: GroupView): boolean =>
    joint || replicas.some(({ role }) => role === 'learner' || role === 'incoming');
  const healthy = groups.filter(
    (group) => !isUnder(group) && !isLeaderless(group) && !isBehind(group),
  );
  const underReplicated = groups.filter(isUnder).length;
  return {
    total: status.shardCount,
    healthy: healthy.length,
    underReplicated: Math.max(underReplicated, status.rebalance?.underReplicatedShards ?? 0),
    leaderless: groups.filter(isLeaderless).length,
    moving: groups.filter(isMoving).length,
  };
}

/** Groups, the system's among them, that have no leader. */
export function leaderlessGroups(status: StatusView): readonly number[] {
  return status.groups
    .filter(({ leaderNodeId }) => leaderNodeId === 0)
    .map(({ groupId }) => groupId);
}

/**
 * Groups that the loss of one more healthy voter would leave without a majority, although they are
 * made to survive it. A group of one or two voters that are all well is not among them: it never
 * could, and a budget of 0 for that would only keep machines from ever being drained.
 */
export function groupsAtRisk(status: StatusView): readonly number[] {
  const healthy = healthyNodes(status.nodes);
  const atRisk = status.groups.filter((group) => {
    const voters = votersOf(group);
    const well = voters.filter((nodeId) => healthy.has(nodeId)).length;
    const majority = Math.floor(voters.length / 2) + 1;
    return well < voters.length && well - 1 < majority;
  });
  return atRisk.map(({ groupId }) => groupId);
}
