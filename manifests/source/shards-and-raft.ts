/** What replication does: leaders, followers that are behind, the log, the streams to peers. */
import type { Dashboard, Row } from './dashboard.ts';
import { ofNodes, quantile, rate } from './promql.ts';

const leaders: Row = {
  title: 'Leaders',
  panels: [
    {
      title: 'Groups led',
      description: 'By node. Even lines are a balanced cluster; one at 0 was just restarted.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: ofNodes('dynakv_raft_groups', 'role="leader"'), legend: '{{pod}}' }],
    },
    {
      title: 'Groups followed',
      description: 'By node: replicas here that another node leads.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: ofNodes('dynakv_raft_groups', 'role="follower"'), legend: '{{pod}}' }],
    },
    {
      title: 'Groups without a known leader',
      description: 'For more than a few seconds: a lost majority, or a node that is cut off.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: ofNodes('dynakv_raft_groups_leaderless'), legend: '{{pod}}' }],
      thresholds: [{ from: 1, color: 'red' }],
    },
    {
      title: 'Leaderships begun',
      description: 'A second. All the time: elections, from long pauses of a process or its disk.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [{ expr: rate(ofNodes('dynakv_raft_leaderships_total')), legend: '{{pod}}' }],
    },
    {
      title: 'Groups asleep',
      description: 'Idle shards sleep by agreement and cost nothing.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: ofNodes('dynakv_raft_groups_asleep'), legend: '{{pod}}' }],
    },
    {
      title: 'Fullest node over the mean',
      description: 'Copies on the fullest node over the mean, both by weight: 1 is even.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: `max(${ofNodes('dynakv_shard_load_max_over_mean')})`, legend: 'load' }],
    },
  ],
};

const replication: Row = {
  title: 'Replication',
  panels: [
    {
      title: 'Proposals',
      description: 'Entries given to Raft a second. Dropped ones were surely not done.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (outcome) (${rate(ofNodes('dynakv_raft_proposals_total'))})`,
          legend: '{{outcome}}',
        },
      ],
    },
    {
      title: 'Slowest follower',
      description: 'Entries that the slowest follower of any group led here is behind.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: ofNodes('dynakv_raft_follower_lag_entries_max'), legend: '{{pod}}' }],
    },
    {
      title: 'Committed and not applied',
      description: 'Entries, the sum over the groups of a node.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: ofNodes('dynakv_raft_apply_lag_entries'), legend: '{{pod}}' }],
    },
    {
      title: 'Quorum rounds of strong reads',
      description:
        'One round serves all reads that wait. Retried and dropped ones: leaders change.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (outcome) (${rate(ofNodes('dynakv_raft_read_index_rounds_total'))})`,
          legend: '{{outcome}}',
        },
      ],
    },
  ],
};

const log: Row = {
  title: 'Raft log',
  panels: [
    {
      title: 'Sync time',
      description: 'One write and fdatasync, for all groups of the node at once.',
      kind: 'timeseries',
      unit: 's',
      queries: [
        { expr: quantile(0.5, 'dynakv_log_sync_seconds', ['pod']), legend: '{{pod}} p50' },
        { expr: quantile(0.99, 'dynakv_log_sync_seconds', ['pod']), legend: '{{pod}} p99' },
      ],
    },
    {
      title: 'Syncs',
      description: 'A second. Fewer syncs than proposals: group commit works.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [{ expr: rate(ofNodes('dynakv_log_sync_seconds_count')), legend: '{{pod}}' }],
    },
    {
      title: 'Written',
      description: 'Bytes a second.',
      kind: 'timeseries',
      unit: 'Bps',
      queries: [{ expr: rate(ofNodes('dynakv_log_written_bytes_total')), legend: '{{pod}}' }],
    },
    {
      title: 'Size on disk',
      description: 'It grows while a copy lags or a snapshot is under way, and shrinks afterwards.',
      kind: 'timeseries',
      unit: 'bytes',
      queries: [{ expr: ofNodes('dynakv_log_bytes'), legend: '{{pod}}' }],
    },
    {
      title: 'Segments',
      description: 'Files of the log.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: ofNodes('dynakv_log_segments'), legend: '{{pod}}' }],
    },
  ],
};

const peers: Row = {
  title: 'Peers',
  panels: [
    {
      title: 'Peers connected',
      description: 'By node: peers to which streams are open both ways.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: `sum by (pod) (${ofNodes('dynakv_peer_connected')})`, legend: '{{pod}}' }],
    },
    {
      title: 'Bytes between nodes',
      description: 'Snapshots included.',
      kind: 'timeseries',
      unit: 'Bps',
      queries: [
        {
          expr: `sum by (pod, direction) (${rate(ofNodes('dynakv_peer_bytes_total'))})`,
          legend: '{{pod}} {{direction}}',
        },
      ],
    },
    {
      title: 'Frames between nodes',
      description: 'Messages of many groups share a frame.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (pod, direction) (${rate(ofNodes('dynakv_peer_frames_total'))})`,
          legend: '{{pod}} {{direction}}',
        },
      ],
    },
    {
      title: 'Frames dropped',
      description: 'A peer was away or its queue was full; Raft sends again.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (pod) (${rate(ofNodes('dynakv_peer_dropped_frames_total'))})`,
          legend: '{{pod}}',
        },
      ],
    },
  ],
};

export const shardsAndRaft: Dashboard = {
  uid: 'dynakv-shards-raft',
  title: 'Shards and Raft',
  description: 'Who leads, how far followers are behind, the log and the streams between nodes.',
  rows: [leaders, replication, log, peers],
};
