/**
 * For each alert a story in which it fires and one in which it must not: what promtool replays.
 * Minutes are one sample each. The values are those that nodes really show: 0 everywhere but on the
 * node that manages.
 */
import type { AlertScenario } from './alert.ts';

const demo = 'namespace="shop",dynamocluster="demo"';
const ofCluster = { namespace: 'shop', dynamocluster: 'demo' } as const;

/** `name{…}` of a node of the cluster. */
function of(name: string, pod: number, more = ''): string {
  const extra = more === '' ? '' : `,${more}`;
  return `${name}{${demo},pod="demo-${pod}"${extra}}`;
}

/** What alerts of one node carry. */
function ofPod(pod: number): Readonly<Record<string, string>> {
  return { ...ofCluster, pod: `demo-${pod}` };
}

const leaderless = (count: number): string =>
  `${count} shards accept neither writes nor strong reads until a lost node is back with its ` +
  'data. 0 means that the system group itself has no leader, so that nobody counts.';
const underReplicated =
  '16 shards have fewer live copies than they are to have, and it was not repaired in ten minutes.';
const draining =
  '1 nodes are draining, and for ten minutes nothing moved off them: a step fails again and ' +
  'again, or nothing may be planned.';
const down = '1 nodes are dead, quarantined or do not answer on their metrics port.';
const stalled =
  'Its row engine was near a stall for 83.33% of five minutes; applying is deferred, and writes are ' +
  'throttled when the committed layer is full.';
const full = (percent: string): string =>
  `Its disk is ${percent} full: over 80 %, or full within a day if it goes on like that.`;

const ofShards: readonly AlertScenario[] = [
  {
    alert: 'DynaKVShardLeaderless',
    story: 'two of three copies of four shards are gone',
    series: {
      [of('dynakv_manages', 0)]: '1x10',
      [of('dynakv_shards_leaderless', 0)]: '0 0 4x8',
      [of('dynakv_shards_leaderless', 1)]: '0x10',
      [of('dynakv_raft_groups', 0, 'role="leader"')]: '16x10',
    },
    at: '4m',
    fires: [{ labels: ofCluster, description: leaderless(4) }],
  },
  {
    alert: 'DynaKVShardLeaderless',
    story: 'the system group has no majority, so that no node manages',
    series: {
      [of('dynakv_manages', 0)]: '1 1 0x8',
      [of('dynakv_manages', 1)]: '0x10',
      [of('dynakv_shards_leaderless', 0)]: '0x10',
      [of('dynakv_raft_groups', 0, 'role="follower"')]: '16x10',
    },
    at: '4m',
    fires: [{ labels: ofCluster, description: leaderless(0) }],
  },
  {
    alert: 'DynaKVShardLeaderless',
    story: 'another node takes over within a scrape',
    series: {
      [of('dynakv_manages', 0)]: '1 0x9',
      [of('dynakv_manages', 1)]: '0 0 1x8',
      [of('dynakv_shards_leaderless', 1)]: '0 0 0 2 0x6',
      [of('dynakv_raft_groups', 1, 'role="leader"')]: '16x10',
    },
    at: '3m',
    fires: [],
  },
  {
    alert: 'DynaKVShardLeaderless',
    story: 'pods wait for the cluster to be created',
    series: {
      [of('dynakv_manages', 0)]: '0x30',
      [of('dynakv_shards_leaderless', 0)]: '0x30',
    },
    at: '20m',
    fires: [],
  },
  {
    alert: 'DynaKVShardUnderReplicated',
    story: 'a node is gone for good and nothing replaces its copies',
    series: {
      [of('dynakv_shards_under_replicated', 0)]: '0 16x30',
      [of('dynakv_shards_under_replicated', 1)]: '0x30',
    },
    at: '12m',
    fires: [{ labels: ofCluster, description: underReplicated }],
  },
  {
    alert: 'DynaKVShardUnderReplicated',
    story: 'a pod restarts and is back after three minutes',
    series: { [of('dynakv_shards_under_replicated', 0)]: '0 16x2 0x30' },
    at: '12m',
    fires: [],
  },
  {
    alert: 'DynaKVQuorumAtRisk',
    story: 'one of three nodes is down',
    series: {
      [of('dynakv_shards_quorum_at_risk', 0)]: '0 16x30',
      [of('dynakv_shards_quorum_at_risk', 1)]: '0x30',
    },
    at: '7m',
    fires: [
      {
        labels: ofCluster,
        description:
          '16 shards have a bare majority of live copies: one more lost node stops their writes. ' +
          'Do not restart or drain any node until this is over.',
      },
    ],
  },
  {
    alert: 'DynaKVQuorumAtRisk',
    story: 'pods are restarted one after the other, two minutes each',
    series: { [of('dynakv_shards_quorum_at_risk', 0)]: '0 16x1 0 0 16x1 0 0 16x1 0x20' },
    at: '8m',
    fires: [],
  },
];

const ofNodes: readonly AlertScenario[] = [
  {
    alert: 'DynaKVNodeDown',
    story: 'a pod is gone and its node is given up as dead',
    series: { [of('dynakv_nodes', 0, 'state="dead"')]: '0 0 1x20' },
    at: '8m',
    fires: [{ labels: ofCluster, description: down }],
  },
  {
    alert: 'DynaKVNodeDown',
    story: 'a pod is there and its process does not answer',
    series: {
      [of('up', 0, 'job="shop/demo"')]: '1x20',
      [of('up', 1, 'job="shop/demo"')]: '1 0x20',
      [of('dynakv_nodes', 0, 'state="dead"')]: '0x20',
    },
    at: '7m',
    fires: [{ labels: ofCluster, description: down }],
  },
  {
    alert: 'DynaKVNodeDown',
    story: 'a store is quarantined',
    series: {
      [of('dynakv_nodes', 0, 'state="dead"')]: '0x20',
      [of('dynakv_nodes', 0, 'state="quarantined"')]: '0 1x20',
    },
    at: '7m',
    fires: [{ labels: ofCluster, description: down }],
  },
  {
    alert: 'DynaKVNodeDown',
    story: 'all is well, another cluster’s exporter is down',
    series: {
      [of('up', 0, 'job="shop/demo"')]: '1x20',
      'up{job="node-exporter"}': '0x20',
      [of('dynakv_nodes', 0, 'state="dead"')]: '0x20',
    },
    at: '15m',
    fires: [],
  },
  {
    alert: 'DynaKVDrainStalled',
    story: 'a move fails again and again',
    series: {
      [of('dynakv_nodes', 0, 'state="draining"')]: '1x30',
      [of('dynakv_plan_age_seconds', 0)]: '0+60x30',
      [of('dynakv_plan_idle_seconds', 0)]: '0+60x30',
    },
    at: '12m',
    fires: [{ labels: ofCluster, description: draining }],
  },
  {
    alert: 'DynaKVDrainStalled',
    story: 'nothing may be planned, as there is no room elsewhere',
    series: {
      [of('dynakv_nodes', 0, 'state="draining"')]: '1x30',
      [of('dynakv_plan_age_seconds', 0)]: '0x30',
      [of('dynakv_plan_idle_seconds', 0)]: '0x30',
    },
    at: '6m',
    fires: [{ labels: ofCluster, description: draining }],
  },
  {
    alert: 'DynaKVDrainStalled',
    story: 'a large drain goes on for hours, a shard every few minutes',
    series: {
      [of('dynakv_nodes', 0, 'state="draining"')]: '1x120',
      [of('dynakv_plan_age_seconds', 0)]: '0+60x120',
      [of('dynakv_plan_idle_seconds', 0)]: '0 60 120 180 0 60 120 180 0 60 120 180 0x100',
    },
    at: '12m',
    fires: [],
  },
  {
    alert: 'DynaKVDrainStalled',
    story: 'a plan that only balances does not go on',
    series: {
      [of('dynakv_nodes', 0, 'state="draining"')]: '0x30',
      [of('dynakv_plan_age_seconds', 0)]: '0+60x30',
      [of('dynakv_plan_idle_seconds', 0)]: '0+60x30',
    },
    at: '20m',
    fires: [],
  },
  {
    alert: 'DynaKVRolloutStuck',
    story: 'one pod got the new version, and no other',
    series: {
      [of('dynakv_build_info', 0, 'version="1.0.0",node="1"')]: '1x60',
      [of('dynakv_build_info', 1, 'version="1.1.0",node="2"')]: '1x60',
    },
    at: '31m',
    fires: [
      {
        labels: ofCluster,
        description:
          '2 versions have run side by side for half an hour: a roll does not go on. Mixed ' +
          'versions are safe, and features of the new one stay off.',
      },
    ],
  },
  {
    alert: 'DynaKVRolloutStuck',
    story: 'a roll is over after twenty minutes',
    series: {
      [of('dynakv_build_info', 0, 'version="1.0.0",node="1"')]: '1x20 _x40',
      [of('dynakv_build_info', 0, 'version="1.1.0",node="1"')]: '_x21 1x40',
      [of('dynakv_build_info', 1, 'version="1.1.0",node="2"')]: '1x60',
    },
    at: '45m',
    fires: [],
  },
];

/** 100 GB of which so much is free. */
function disk(pod: number, free: string): AlertScenario['series'] {
  return {
    [of('dynakv_disk_free_bytes', pod)]: free,
    [of('dynakv_disk_size_bytes', pod)]: '100000000000x400',
  };
}

const ofDisks: readonly AlertScenario[] = [
  {
    alert: 'DynaKVDiskFull80',
    story: 'one of two disks is 85 % full',
    series: { ...disk(0, '15000000000x400'), ...disk(1, '60000000000x400') },
    at: '20m',
    fires: [{ labels: ofPod(0), description: full('85%') }],
  },
  {
    alert: 'DynaKVDiskFull80',
    story: 'it is little over half full, and a tenth of a gigabyte more every minute',
    series: disk(0, '48000000000-100000000x400'),
    at: '40m',
    fires: [{ labels: ofPod(0), description: full('56%') }],
  },
  {
    alert: 'DynaKVDiskFull80',
    story: 'it is half full and stays so; another is nearly empty and fills',
    series: { ...disk(0, '45000000000x400'), ...disk(1, '95000000000-100000000x400') },
    at: '60m',
    fires: [],
  },
  {
    alert: 'DynaKVDiskFull90',
    story: 'a disk is 95 % full',
    series: disk(1, '5000000000x400'),
    at: '6m',
    fires: [
      {
        labels: ofPod(1),
        description:
          'Its disk is 95% full. Without room the node refuses writes, and if the row engine runs ' +
          'out first, its store is quarantined.',
      },
    ],
  },
  {
    alert: 'DynaKVDiskFull90',
    story: 'a disk is 85 % full',
    series: disk(1, '15000000000x400'),
    at: '60m',
    fires: [],
  },
  {
    alert: 'DynaKVWriteStall',
    story: 'five looks of six find the engine near a stall',
    series: { [of('dynakv_engine_stalled', 2)]: '1 1 1 1 1 0 1 1 1 1 1 0 1 1 1 1 1 0 1 1' },
    at: '14m',
    fires: [{ labels: ofPod(2), description: stalled }],
  },
  {
    alert: 'DynaKVWriteStall',
    story: 'a compaction holds it up for a minute now and then',
    series: { [of('dynakv_engine_stalled', 2)]: '0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 0 0' },
    at: '14m',
    fires: [],
  },
];

export const alertScenarios: readonly AlertScenario[] = [...ofShards, ...ofNodes, ...ofDisks];
