/** What moves, why, how fast, and what keeps it from moving. */
import type { Dashboard, Row } from './dashboard.ts';
import { ofCluster, ofNodes, rate } from './promql.ts';

const plan: Row = {
  title: 'Plan',
  panels: [
    {
      title: 'Nodes by state',
      description: 'As the catalog has it.',
      kind: 'timeseries',
      unit: 'short',
      stacked: true,
      queries: [
        {
          expr: `max by (state) (${ofCluster('dynakv_nodes', 'state!="removed"')})`,
          legend: '{{state}}',
        },
      ],
    },
    {
      title: 'Moves',
      description:
        'Of the plan that runs. Waiting ones wait for their turn: one copy in, one out a node.',
      kind: 'timeseries',
      unit: 'short',
      stacked: true,
      queries: [{ expr: `sum by (state) (${ofCluster('dynakv_moves')})`, legend: '{{state}}' }],
    },
    {
      title: 'Left to copy',
      description: 'Of the plan, about.',
      kind: 'timeseries',
      unit: 'bytes',
      queries: [{ expr: `max(${ofCluster('dynakv_plan_left_bytes')})`, legend: 'left' }],
    },
    {
      title: 'Blocked',
      description:
        'Named reasons why the plan does not do all that it should; the runbook of DynaKVDrainStalled explains each.',
      kind: 'timeseries',
      unit: 'bool_yes_no',
      max: 1,
      queries: [
        { expr: `max by (reason) (${ofCluster('dynakv_plan_blocked')})`, legend: '{{reason}}' },
      ],
    },
    {
      title: 'Without progress',
      description: 'How long the plan has run, and since when nothing got further.',
      kind: 'timeseries',
      unit: 's',
      queries: [
        { expr: `max(${ofCluster('dynakv_plan_age_seconds')})`, legend: 'running for' },
        { expr: `max(${ofCluster('dynakv_plan_idle_seconds')})`, legend: 'without progress for' },
      ],
    },
    {
      title: 'Shards short of copies',
      description: 'Repair goes before balance.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        { expr: `max(${ofCluster('dynakv_shards_under_replicated')})`, legend: 'short of copies' },
        { expr: `max(${ofCluster('dynakv_shards_quorum_at_risk')})`, legend: 'at risk' },
        { expr: `max(${ofCluster('dynakv_shards_leaderless')})`, legend: 'without majority' },
      ],
    },
    {
      title: 'Moves that ended',
      description: 'A second, by reason and outcome.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (reason, outcome) (${rate(ofCluster('dynakv_moves_total'))})`,
          legend: '{{reason}} {{outcome}}',
        },
      ],
    },
    {
      title: 'Steps that failed',
      description: 'A second; they are tried again. All the time: the log names the step.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        { expr: `sum(${rate(ofCluster('dynakv_move_step_failures_total'))})`, legend: 'failed' },
      ],
    },
    {
      title: 'Node that manages',
      description: 'The system group’s leader plans and moves.',
      kind: 'timeseries',
      unit: 'bool_yes_no',
      max: 1,
      queries: [{ expr: ofCluster('dynakv_manages'), legend: '{{pod}}' }],
    },
  ],
};

const copies: Row = {
  title: 'Copies',
  panels: [
    {
      title: 'Rate of the cluster',
      description: 'Bytes a second sent for snapshots in the whole cluster.',
      kind: 'timeseries',
      unit: 'Bps',
      queries: [{ expr: `max(${ofCluster('dynakv_move_per_second_bytes')})`, legend: 'moved' }],
    },
    {
      title: 'Snapshot bytes',
      description: 'By node and direction.',
      kind: 'timeseries',
      unit: 'Bps',
      queries: [
        {
          expr: `sum by (pod, direction) (${rate(ofNodes('dynakv_snapshot_bytes_total'))})`,
          legend: '{{pod}} {{direction}}',
        },
      ],
    },
    {
      title: 'Rate left beside requests',
      description:
        'What snapshots may take now. It falls when requests get slow and comes back by itself.',
      kind: 'timeseries',
      unit: 'Bps',
      queries: [{ expr: ofNodes('dynakv_snapshot_rate_bytes'), legend: '{{pod}}' }],
    },
    {
      title: 'Snapshots under way',
      description: 'One out of a node and one into it at a time; others wait.',
      kind: 'timeseries',
      unit: 'short',
      stacked: true,
      queries: [
        {
          expr: `sum by (state) (${ofNodes('dynakv_snapshots_under_way')})`,
          legend: '{{state}}',
        },
      ],
    },
    {
      title: 'Left to send',
      description: 'Of the snapshots under way, by node.',
      kind: 'timeseries',
      unit: 'bytes',
      queries: [{ expr: ofNodes('dynakv_snapshot_left_bytes'), legend: '{{pod}}' }],
    },
    {
      title: 'Snapshots ended',
      description: 'A second. A failed stream is no harm: the next goes on from what had arrived.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (direction, outcome) (${rate(ofNodes('dynakv_snapshots_total'))})`,
          legend: '{{direction}} {{outcome}}',
        },
      ],
    },
    {
      title: 'Resumed, started over, slowed',
      description:
        'Started over all the time: writes come faster than the copy. Slowed: requests came first.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        {
          expr: `sum(${rate(ofNodes('dynakv_snapshots_resumed_total'))})`,
          legend: 'resumed',
        },
        {
          expr: `sum(${rate(ofNodes('dynakv_snapshots_started_over_total'))})`,
          legend: 'started over',
        },
        {
          expr: `sum(${rate(ofNodes('dynakv_snapshot_rate_halvings_total'))})`,
          legend: 'rate halved',
        },
      ],
    },
    {
      title: 'Slowest learner',
      description: 'Entries that a new copy is behind. It joins when it has caught up.',
      kind: 'timeseries',
      unit: 'short',
      queries: [{ expr: ofNodes('dynakv_learner_lag_entries_max'), legend: '{{pod}}' }],
    },
    {
      title: 'Replicas made and deleted',
      description: 'A second: a move makes one and deletes one.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (change) (${rate(ofNodes('dynakv_replica_changes_total'))})`,
          legend: '{{change}}',
        },
      ],
    },
  ],
};

export const rebalanceAndDrain: Dashboard = {
  uid: 'dynakv-rebalance',
  title: 'Rebalance and drain',
  description: 'What moves between nodes, why, how fast, and what keeps it from moving.',
  rows: [plan, copies],
};
