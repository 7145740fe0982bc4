/** The first dashboard to look at: is the cluster well, what do clients see, how are the nodes. */
import type { Dashboard, Panel, Row } from './dashboard.ts';
import { ofCluster, ofNodes, quantile, rate } from './promql.ts';

const redFromOne = [{ from: 1, color: 'red' }] as const;

const health: Row = {
  title: 'Health',
  panels: [
    {
      title: 'Nodes ready',
      description: 'Nodes whose replicas are open and were caught up since their start.',
      kind: 'stat',
      unit: 'short',
      queries: [{ expr: `sum(${ofCluster('dynakv_ready')})`, legend: 'ready' }],
    },
    {
      title: 'Nodes down',
      description: 'Dead or quarantined, as the catalog has it.',
      kind: 'stat',
      unit: 'short',
      queries: [
        {
          expr: `sum(max by (state) (${ofCluster('dynakv_nodes', 'state=~"dead|quarantined"')}))`,
          legend: 'down',
        },
      ],
      thresholds: redFromOne,
    },
    {
      title: 'Shards without majority',
      description: 'They take no writes until a lost node is back with its data.',
      kind: 'stat',
      unit: 'short',
      queries: [{ expr: `max(${ofCluster('dynakv_shards_leaderless')})`, legend: 'leaderless' }],
      thresholds: redFromOne,
    },
    {
      title: 'Shards at risk',
      description: 'One more lost copy leaves them without a majority: do not restart anything.',
      kind: 'stat',
      unit: 'short',
      queries: [{ expr: `max(${ofCluster('dynakv_shards_quorum_at_risk')})`, legend: 'at risk' }],
      thresholds: [{ from: 1, color: 'orange' }],
    },
    {
      title: 'Shards short of copies',
      description: 'Fewer live copies than they are to have.',
      kind: 'stat',
      unit: 'short',
      queries: [
        { expr: `max(${ofCluster('dynakv_shards_under_replicated')})`, legend: 'short of copies' },
      ],
      thresholds: [{ from: 1, color: 'yellow' }],
    },
    {
      title: 'Versions',
      description: 'More than one: a roll is under way, or stuck.',
      kind: 'stat',
      unit: 'short',
      queries: [
        {
          expr: `count(count by (version) (${ofCluster('dynakv_build_info')}))`,
          legend: 'versions',
        },
      ],
      thresholds: [{ from: 2, color: 'yellow' }],
    },
  ],
};

const requests: Row = {
  title: 'Requests',
  panels: [
    {
      title: 'Requests by operation',
      description: 'Requests answered a second, whatever their outcome.',
      kind: 'timeseries',
      unit: 'reqps',
      stacked: true,
      queries: [
        {
          expr: `sum by (operation) (${rate(ofNodes('dynakv_requests_total'))})`,
          legend: '{{operation}}',
        },
      ],
    },
    {
      title: 'Requests by outcome',
      description:
        'ok and client (refused for what they ask) are normal; throttled, server and unknown are not.',
      kind: 'timeseries',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (outcome) (${rate(ofNodes('dynakv_requests_total'))})`,
          legend: '{{outcome}}',
        },
      ],
    },
    {
      title: 'Time of requests',
      description: 'From the last byte of the request to the first byte of the answer.',
      kind: 'timeseries',
      unit: 's',
      queries: [
        {
          expr: quantile(0.5, 'dynakv_request_seconds', ['operation']),
          legend: '{{operation}} p50',
        },
        {
          expr: quantile(0.99, 'dynakv_request_seconds', ['operation']),
          legend: '{{operation}} p99',
        },
      ],
    },
    {
      title: 'In flight',
      description: 'Requests being worked on. It grows when answers are slower than requests come.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        {
          expr: `sum by (pod) (${ofNodes('dynakv_requests_in_flight')})`,
          legend: '{{pod}}',
        },
      ],
    },
    {
      title: 'Throttles',
      description: 'Requests refused because a named limit of the node was reached: overload.',
      kind: 'timeseries',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (limit) (${rate(ofNodes('dynakv_throttles_total'))})`,
          legend: '{{limit}}',
        },
      ],
    },
    {
      title: 'Retries and unknown outcomes',
      description:
        'Attempts repeated inside the cluster, and writes whose outcome could not be told: they come with lost leaders and connections.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (reason) (${rate(ofNodes('dynakv_router_retries_total'))})`,
          legend: 'retry: {{reason}}',
        },
        {
          expr: `sum(${rate(ofNodes('dynakv_unknown_outcomes_total'))})`,
          legend: 'unknown outcome',
        },
      ],
    },
  ],
};

const process: readonly Panel[] = [
  {
    title: 'CPU',
    description: 'Cores. A node is one event loop: at 1 it is at its limit.',
    kind: 'timeseries',
    unit: 'short',
    queries: [{ expr: rate(ofNodes('process_cpu_seconds_total')), legend: '{{pod}}' }],
    thresholds: [{ from: 0.9, color: 'red' }],
  },
  {
    title: 'Memory',
    description: 'Resident memory of the process.',
    kind: 'timeseries',
    unit: 'bytes',
    queries: [{ expr: ofNodes('process_resident_memory_bytes'), legend: '{{pod}}' }],
  },
  {
    title: 'Memory of the row engine',
    description: 'By part, all nodes together: block cache, write buffers, table readers.',
    kind: 'timeseries',
    unit: 'bytes',
    queries: [
      { expr: `sum by (part) (${ofNodes('dynakv_engine_memory_bytes')})`, legend: '{{part}}' },
    ],
  },
  {
    title: 'Delay of the event loop, p99',
    description: 'Above 50 ms everything on this node is late, heartbeats too.',
    kind: 'timeseries',
    unit: 's',
    queries: [{ expr: ofNodes('nodejs_eventloop_lag_p99_seconds'), legend: '{{pod}}' }],
    thresholds: [{ from: 0.05, color: 'red' }],
  },
];

const disk: readonly Panel[] = [
  {
    title: 'Disk used',
    description: 'Share of the data folder’s file system. A full one refuses writes.',
    kind: 'timeseries',
    unit: 'percentunit',
    max: 1,
    queries: [
      {
        expr: `1 - ${ofNodes('dynakv_disk_free_bytes')} / ${ofNodes('dynakv_disk_size_bytes')}`,
        legend: '{{pod}}',
      },
    ],
    thresholds: [
      { from: 0.8, color: 'orange' },
      { from: 0.9, color: 'red' },
    ],
  },
  {
    title: 'Log sync time, p99',
    description:
      'One write and fdatasync of the Raft log. Every write waits for a majority of these.',
    kind: 'timeseries',
    unit: 's',
    queries: [{ expr: quantile(0.99, 'dynakv_log_sync_seconds', ['pod']), legend: '{{pod}}' }],
    thresholds: [{ from: 0.02, color: 'red' }],
  },
  {
    title: 'Committed layer',
    description: 'Rows committed and not in RocksDB yet. It grows when compactions are behind.',
    kind: 'timeseries',
    unit: 'bytes',
    queries: [{ expr: ofNodes('dynakv_committed_layer_bytes'), legend: '{{pod}}' }],
  },
  {
    title: 'Engine near a stall',
    description: '1 while RocksDB is near a stall and applying is deferred.',
    kind: 'timeseries',
    unit: 'bool_yes_no',
    max: 1,
    queries: [{ expr: ofNodes('dynakv_engine_stalled'), legend: '{{pod}}' }],
  },
  {
    title: 'Item cache hits',
    description: 'Share of look-ups that need no disk.',
    kind: 'timeseries',
    unit: 'percentunit',
    max: 1,
    queries: [
      {
        expr:
          `sum by (pod) (${rate(ofNodes('dynakv_cache_reads_total', 'result="hit"'))})` +
          ` / sum by (pod) (${rate(ofNodes('dynakv_cache_reads_total'))})`,
        legend: '{{pod}}',
      },
    ],
  },
  {
    title: 'Item cache',
    description: 'Its size, bounded by --item-cache-bytes.',
    kind: 'timeseries',
    unit: 'bytes',
    queries: [{ expr: ofNodes('dynakv_cache_bytes'), legend: '{{pod}}' }],
  },
  {
    title: 'Store healthy',
    description:
      '0: the store is quarantined and serves nothing. Background errors come before it.',
    kind: 'timeseries',
    unit: 'short',
    queries: [
      { expr: ofNodes('dynakv_store_healthy'), legend: '{{pod}} healthy' },
      { expr: ofNodes('dynakv_engine_background_errors'), legend: '{{pod}} background errors' },
    ],
  },
];

export const clusterOverview: Dashboard = {
  uid: 'dynakv-overview',
  title: 'Cluster overview',
  description: 'Is the cluster well, what do its clients see, and how are its nodes.',
  rows: [health, requests, { title: 'Nodes', panels: [...process, ...disk] }],
};
