/**
 * The alerts. Each has scenarios in `alert-scenarios.ts` that promtool replays, and a page in
 * `node/docs/runbooks/`. Series that only the managing node knows are 0 on the others, so a maximum
 * over the cluster is the truth; a node that is gone has no series at all.
 */
import type { Alert } from './alert.ts';
import { byCluster, byNode, clusterLabel } from './label-contract.ts';

const cluster = 'Cluster {{ $labels.namespace }}/{{ $labels.dynamocluster }}';
const node = 'Node {{ $labels.namespace }}/{{ $labels.pod }}';

/** Nodes that hold replicas and none of which manages: the system group has no leader. */
const unmanaged =
  `  max ${byCluster} (dynakv_manages) == 0\n  and\n` +
  `  sum ${byCluster} (dynakv_raft_groups) > 0`;

/** The share of the disk that is used, of each node. */
const diskUsed = `1 - min ${byNode} (dynakv_disk_free_bytes) / max ${byNode} (dynakv_disk_size_bytes)`;

export const alerts: readonly Alert[] = [
  {
    name: 'DynaKVShardLeaderless',
    severity: 'critical',
    expr: `max ${byCluster} (dynakv_shards_leaderless) > 0\nor\n(\n${unmanaged}\n)`,
    for: '1m',
    summary: `${cluster} has shards that have lost their majority.`,
    description:
      '{{ $value }} shards accept neither writes nor strong reads until a lost node is back with ' +
      'its data. 0 means that the system group itself has no leader, so that nobody counts.',
  },
  {
    name: 'DynaKVShardUnderReplicated',
    severity: 'warning',
    expr: `max ${byCluster} (dynakv_shards_under_replicated) > 0`,
    for: '10m',
    summary: `${cluster} has shards with too few live copies.`,
    description:
      '{{ $value }} shards have fewer live copies than they are to have, and it was not repaired ' +
      'in ten minutes.',
  },
  {
    name: 'DynaKVQuorumAtRisk',
    severity: 'critical',
    expr: `max ${byCluster} (dynakv_shards_quorum_at_risk) > 0`,
    for: '5m',
    summary: `${cluster} has shards that cannot lose another copy.`,
    description:
      '{{ $value }} shards have a bare majority of live copies: one more lost node stops their ' +
      'writes. Do not restart or drain any node until this is over.',
  },
  {
    name: 'DynaKVNodeDown',
    severity: 'warning',
    expr:
      `max ${byCluster} (dynakv_nodes{state="dead"}) > 0\nor\n` +
      `max ${byCluster} (dynakv_nodes{state="quarantined"}) > 0\nor\n` +
      `count ${byCluster} (up{${clusterLabel}!=""} == 0) > 0`,
    for: '5m',
    summary: `${cluster} has nodes that are down.`,
    description: '{{ $value }} nodes are dead, quarantined or do not answer on their metrics port.',
  },
  {
    name: 'DynaKVDrainStalled',
    severity: 'warning',
    expr:
      `max ${byCluster} (dynakv_nodes{state="draining"}) > 0\nand\n` +
      `(\n  max ${byCluster} (dynakv_plan_idle_seconds) > 300\n` +
      `  or\n  max ${byCluster} (dynakv_plan_age_seconds) == 0\n)`,
    for: '5m',
    summary: `${cluster} drains a node and gets no further.`,
    description:
      '{{ $value }} nodes are draining, and for ten minutes nothing moved off them: a step fails ' +
      'again and again, or nothing may be planned.',
  },
  {
    name: 'DynaKVRolloutStuck',
    severity: 'warning',
    expr: `count ${byCluster} (\n  count by (namespace, dynamocluster, version) (dynakv_build_info)\n) > 1`,
    for: '30m',
    summary: `${cluster} runs several versions at once.`,
    description:
      '{{ $value }} versions have run side by side for half an hour: a roll does not go on. Mixed ' +
      'versions are safe, and features of the new one stay off.',
  },
  {
    name: 'DynaKVDiskFull80',
    severity: 'warning',
    expr:
      `${diskUsed} > 0.8\nor\n(\n  ${diskUsed} > 0.5\n  and\n` +
      `  min ${byNode} (predict_linear(dynakv_disk_free_bytes[6h], 86400)) < 0\n)`,
    for: '15m',
    summary: `${node} runs out of disk space.`,
    description:
      'Its disk is {{ $value | humanizePercentage }} full: over 80 %, or full within a day if it ' +
      'goes on like that.',
  },
  {
    name: 'DynaKVDiskFull90',
    severity: 'critical',
    expr: `${diskUsed} > 0.9`,
    for: '5m',
    summary: `${node} is about to run out of disk space.`,
    description:
      'Its disk is {{ $value | humanizePercentage }} full. Without room the node refuses writes, ' +
      'and if the row engine runs out first, its store is quarantined.',
  },
  {
    name: 'DynaKVWriteStall',
    severity: 'warning',
    expr: `max ${byNode} (avg_over_time(dynakv_engine_stalled[5m])) > 0.5`,
    for: '5m',
    summary: `${node} writes to its disk more slowly than it is written to.`,
    description:
      'Its row engine was near a stall for {{ $value | humanizePercentage }} of five minutes; ' +
      'applying is deferred, and writes are throttled when the committed layer is full.',
  },
];
