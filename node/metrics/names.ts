/**
 * The list of every series that a node shows on `/metrics`: name, type, unit, help, labels. A
 * series that is not here does not exist (`registry.ts` is typed by it, and the tidy test compares
 * sources and dashboards). Units are base units (`_seconds`, `_bytes`), counters end in `_total`.
 * No label takes unbounded values: never a key, a table name or a shard. Node's own series
 * (`process_*`, `nodejs_*`, the delay of the event loop among them) come from `prom-client`.
 * `node/docs/metrics.md` is generated from this list.
 */

export interface SeriesSpec {
  readonly name: `dynakv_${string}`;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly unit: 'seconds' | 'bytes' | 'count' | 'boolean';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
}

/** From a cached local read to the deadline of a request. */
const requestBuckets = [
  0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 5, 10,
] as const;

/** From an idle fast disk to one that should be replaced. */
const diskBuckets = [
  0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5,
] as const;

export const series = {
  buildInfo: {
    name: 'dynakv_build_info',
    type: 'gauge',
    unit: 'count',
    help: 'Always 1; the labels name the version and the node.',
    labels: ['version', 'node'],
  },
  ready: {
    name: 'dynakv_ready',
    type: 'gauge',
    unit: 'boolean',
    help: '1 when the replicas of this node are open and were caught up since the start.',
    labels: [],
  },
  requests: {
    name: 'dynakv_requests_total',
    type: 'counter',
    unit: 'count',
    help: 'Requests answered, by operation and outcome (ok, client, throttled, server, unknown).',
    labels: ['door', 'operation', 'outcome'],
  },
  requestSeconds: {
    name: 'dynakv_request_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Time from the last byte of a request to the first byte of its answer.',
    labels: ['door', 'operation'],
    buckets: requestBuckets,
  },
  requestsInFlight: {
    name: 'dynakv_requests_in_flight',
    type: 'gauge',
    unit: 'count',
    help: 'Requests being worked on.',
    labels: ['door'],
  },
  throttles: {
    name: 'dynakv_throttles_total',
    type: 'counter',
    unit: 'count',
    help: 'Requests refused because a named limit of the node was reached.',
    labels: ['limit'],
  },
  routerRetries: {
    name: 'dynakv_router_retries_total',
    type: 'counter',
    unit: 'count',
    help: 'Attempts repeated because the first one surely was not done, by reason.',
    labels: ['reason'],
  },
  unknownOutcomes: {
    name: 'dynakv_unknown_outcomes_total',
    type: 'counter',
    unit: 'count',
    help: 'Writes whose outcome could not be told within the deadline.',
    labels: [],
  },
  groups: {
    name: 'dynakv_raft_groups',
    type: 'gauge',
    unit: 'count',
    help: 'Raft groups on this node, by role of the local replica.',
    labels: ['role'],
  },
  groupsAsleep: {
    name: 'dynakv_raft_groups_asleep',
    type: 'gauge',
    unit: 'count',
    help: 'Idle groups that sleep by agreement.',
    labels: [],
  },
  groupsLeaderless: {
    name: 'dynakv_raft_groups_leaderless',
    type: 'gauge',
    unit: 'count',
    help: 'Groups on this node for which no leader is known.',
    labels: [],
  },
  leaderships: {
    name: 'dynakv_raft_leaderships_total',
    type: 'counter',
    unit: 'count',
    help: 'Times that a replica of this node began to lead its group.',
    labels: [],
  },
  proposals: {
    name: 'dynakv_raft_proposals_total',
    type: 'counter',
    unit: 'count',
    help: 'Proposals, by outcome (accepted, dropped).',
    labels: ['outcome'],
  },
  applyLagEntries: {
    name: 'dynakv_raft_apply_lag_entries',
    type: 'gauge',
    unit: 'count',
    help: 'Committed entries not applied yet, the sum over the groups of this node.',
    labels: [],
  },
  followerLagEntries: {
    name: 'dynakv_raft_follower_lag_entries_max',
    type: 'gauge',
    unit: 'count',
    help: 'Entries that the slowest follower of any group led here is behind.',
    labels: [],
  },
  readIndexRounds: {
    name: 'dynakv_raft_read_index_rounds_total',
    type: 'counter',
    unit: 'count',
    help: 'Quorum rounds for strong reads, by outcome (confirmed, retried, dropped).',
    labels: ['outcome'],
  },
  logSyncSeconds: {
    name: 'dynakv_log_sync_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Time of one write and fdatasync of the Raft log.',
    labels: [],
    buckets: diskBuckets,
  },
  logWrittenBytes: {
    name: 'dynakv_log_written_bytes_total',
    type: 'counter',
    unit: 'bytes',
    help: 'Bytes written to the Raft log.',
    labels: [],
  },
  logSegments: {
    name: 'dynakv_log_segments',
    type: 'gauge',
    unit: 'count',
    help: 'Segments of the Raft log on disk.',
    labels: [],
  },
  logBytes: {
    name: 'dynakv_log_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Space that the Raft log takes on disk.',
    labels: [],
  },
  storeHealthy: {
    name: 'dynakv_store_healthy',
    type: 'gauge',
    unit: 'boolean',
    help: '0 when the store is quarantined and serves nothing.',
    labels: [],
  },
  diskFreeBytes: {
    name: 'dynakv_disk_free_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Space free for the data folder, as of the last look.',
    labels: [],
  },
  diskSizeBytes: {
    name: 'dynakv_disk_size_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Size of the file system of the data folder, as far as this process may fill it.',
    labels: [],
  },
  engineStalled: {
    name: 'dynakv_engine_stalled',
    type: 'gauge',
    unit: 'boolean',
    help: '1 while the row engine is near a stall and applying is deferred.',
    labels: [],
  },
  engineMemory: {
    name: 'dynakv_engine_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Memory that the row engine takes, by part: block-cache, write-buffers, table-readers.',
    labels: ['part'],
  },
  engineBackgroundErrors: {
    name: 'dynakv_engine_background_errors',
    type: 'gauge',
    unit: 'count',
    help: 'Background errors that the row engine reports.',
    labels: [],
  },
  committedLayerBytes: {
    name: 'dynakv_committed_layer_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Rows committed and not in the row engine yet.',
    labels: [],
  },
  cacheReads: {
    name: 'dynakv_cache_reads_total',
    type: 'counter',
    unit: 'count',
    help: 'Look-ups in the item cache, by result (hit, miss).',
    labels: ['result'],
  },
  cacheBytes: {
    name: 'dynakv_cache_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Size of the item cache.',
    labels: [],
  },
  snapshots: {
    name: 'dynakv_snapshots_total',
    type: 'counter',
    unit: 'count',
    help: 'Snapshots, by direction (sent, received) and outcome (done; failed: one stream of it).',
    labels: ['direction', 'outcome'],
  },
  snapshotBytes: {
    name: 'dynakv_snapshot_bytes_total',
    type: 'counter',
    unit: 'bytes',
    help: 'Bytes of snapshots, by direction.',
    labels: ['direction'],
  },
  snapshotsResumed: {
    name: 'dynakv_snapshots_resumed_total',
    type: 'counter',
    unit: 'count',
    help: 'Streams of snapshots sent that went on from what the receiver had.',
    labels: [],
  },
  snapshotsStartedOver: {
    name: 'dynakv_snapshots_started_over_total',
    type: 'counter',
    unit: 'count',
    help: 'Snapshots sent anew from the first row, as the log no longer reached back to the receiver.',
    labels: [],
  },
  snapshotsUnderWay: {
    name: 'dynakv_snapshots_under_way',
    type: 'gauge',
    unit: 'count',
    help: 'Snapshots of this node, by state (sending, receiving, waiting).',
    labels: ['state'],
  },
  snapshotBytesLeft: {
    name: 'dynakv_snapshot_left_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Bytes that this node has still to send in snapshots, about.',
    labels: [],
  },
  snapshotRate: {
    name: 'dynakv_snapshot_rate_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Bytes a second that snapshots may move in each direction now; requests come first.',
    labels: [],
  },
  snapshotRateHalvings: {
    name: 'dynakv_snapshot_rate_halvings_total',
    type: 'counter',
    unit: 'count',
    help: 'Times that the rate of snapshots was halved because requests became slow.',
    labels: [],
  },
  peerConnected: {
    name: 'dynakv_peer_connected',
    type: 'gauge',
    unit: 'boolean',
    help: '1 while the streams to a peer are open both ways.',
    labels: ['peer'],
  },
  peerFrames: {
    name: 'dynakv_peer_frames_total',
    type: 'counter',
    unit: 'count',
    help: 'Frames to and from peers.',
    labels: ['direction'],
  },
  peerBytes: {
    name: 'dynakv_peer_bytes_total',
    type: 'counter',
    unit: 'bytes',
    help: 'Bytes of frames to and from peers.',
    labels: ['direction'],
  },
  peerDrops: {
    name: 'dynakv_peer_dropped_frames_total',
    type: 'counter',
    unit: 'count',
    help: 'Frames dropped because a peer was away or its queue was full.',
    labels: ['peer'],
  },
  manages: {
    name: 'dynakv_manages',
    type: 'gauge',
    unit: 'boolean',
    help: '1 on the node that manages the shards; series of the plan are 0 elsewhere.',
    labels: [],
  },
  nodes: {
    name: 'dynakv_nodes',
    type: 'gauge',
    unit: 'count',
    help: 'Nodes by their state in the catalog, quarantined ones by that.',
    labels: ['state'],
  },
  replicas: {
    name: 'dynakv_replica_changes_total',
    type: 'counter',
    unit: 'count',
    help: 'Replicas made and deleted on this node.',
    labels: ['change'],
  },
  learnerLag: {
    name: 'dynakv_learner_lag_entries_max',
    type: 'gauge',
    unit: 'count',
    help: 'Entries that the slowest learner of any group led here is behind.',
    labels: [],
  },
  moves: {
    name: 'dynakv_moves',
    type: 'gauge',
    unit: 'count',
    help: 'Moves of the stored plan, by state (waiting, adding, copying, swapping, removing).',
    labels: ['state'],
  },
  movesEnded: {
    name: 'dynakv_moves_total',
    type: 'counter',
    unit: 'count',
    help: 'Moves that ended while this node managed, by reason and outcome (done, dropped).',
    labels: ['reason', 'outcome'],
  },
  moveFailures: {
    name: 'dynakv_move_step_failures_total',
    type: 'counter',
    unit: 'count',
    help: 'Steps of moves that failed and were tried again.',
    labels: [],
  },
  planLeftBytes: {
    name: 'dynakv_plan_left_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Bytes that the plan still has to copy, about.',
    labels: [],
  },
  moveRate: {
    name: 'dynakv_move_per_second_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Bytes a second sent for snapshots in the whole cluster, over the last seconds.',
    labels: [],
  },
  planAge: {
    name: 'dynakv_plan_age_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'Time since the plan that runs began; 0 while none runs.',
    labels: [],
  },
  planIdle: {
    name: 'dynakv_plan_idle_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'Time since the plan that runs made progress; 0 while none runs.',
    labels: [],
  },
  planBlocked: {
    name: 'dynakv_plan_blocked',
    type: 'gauge',
    unit: 'boolean',
    help: '1 for each named reason why the last plan does not do all that it should.',
    labels: ['reason'],
  },
  shardsUnderReplicated: {
    name: 'dynakv_shards_under_replicated',
    type: 'gauge',
    unit: 'count',
    help: 'Shards with fewer live copies than they are to have.',
    labels: [],
  },
  shardsLeaderless: {
    name: 'dynakv_shards_leaderless',
    type: 'gauge',
    unit: 'count',
    help: 'Shards that have lost the majority of their copies.',
    labels: [],
  },
  shardsQuorumAtRisk: {
    name: 'dynakv_shards_quorum_at_risk',
    type: 'gauge',
    unit: 'count',
    help: 'Shards of several copies that one more lost copy would leave without a majority.',
    labels: [],
  },
  loadMaxOverMean: {
    name: 'dynakv_shard_load_max_over_mean',
    type: 'gauge',
    unit: 'count',
    help: 'Copies on the fullest node over the mean, both by weight.',
    labels: [],
  },
} as const satisfies Record<string, SeriesSpec>;

export type SeriesKey = keyof typeof series;
type KeyOfType<T extends SeriesSpec['type']> = {
  [K in SeriesKey]: (typeof series)[K]['type'] extends T ? K : never;
}[SeriesKey];
export type CounterKey = KeyOfType<'counter'>;
export type GaugeKey = KeyOfType<'gauge'>;
export type HistogramKey = KeyOfType<'histogram'>;

/** The labels that a series takes, all of them required. */
export type LabelsOf<K extends SeriesKey> = Readonly<
  Record<(typeof series)[K]['labels'][number], string>
>;

/** The list as a document (`node/docs/metrics.md`). */
export function describeSeries(): string {
  const lines = [
    '# Metrics',
    '',
    'Generated from `node/metrics/names.ts`. Every node serves them on its operations port under',
    '`/metrics`, beside the series of the process itself (`process_*`, `nodejs_*`).',
    '',
    '| series | type | unit | labels | meaning |',
    '|---|---|---|---|---|',
  ];
  for (const spec of Object.values<SeriesSpec>(series)) {
    const labels = spec.labels.map((label) => `\`${label}\``).join(', ');
    lines.push(`| \`${spec.name}\` | ${spec.type} | ${spec.unit} | ${labels} | ${spec.help} |`);
  }
  return `${lines.join('\n')}\n`;
}
