/**
 * Feeds `metrics/names.ts` from a running node. The parts count in plain numbers; gauges are set,
 * and counters grow, when someone looks: nothing here costs a request anything.
 */
import { errorTable } from '../lib/errors.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Disk } from '../sys/disk.ts';
import type { GrpcNetwork } from '../transport/grpc-network.ts';
import { Growth, GrowthByLabel } from './growth.ts';
import { watchMovement } from './movement-metrics.ts';

function watchGroups(metrics: Metrics, core: NodeCore): void {
  const leaders = metrics.gauge('groups', { role: 'leader' });
  const followers = metrics.gauge('groups', { role: 'follower' });
  const asleep = metrics.gauge('groupsAsleep', {});
  const leaderless = metrics.gauge('groupsLeaderless', {});
  const applyLag = metrics.gauge('applyLagEntries', {});
  const followerLag = metrics.gauge('followerLagEntries', {});
  metrics.onCollect(() => {
    const counts = { leaders: 0, asleep: 0, leaderless: 0, applyLag: 0, followerLag: 0 };
    for (const group of core.host.groups.values()) {
      counts.leaders += group.isLeader ? 1 : 0;
      counts.asleep += group.asleep ? 1 : 0;
      counts.leaderless += group.leader === 0 && group.isMember ? 1 : 0;
      counts.applyLag += group.commitIndex - group.replica.applied.index;
      if (group.isLeader) {
        for (const { match } of group.raw.raft.tracker.members) {
          counts.followerLag = Math.max(counts.followerLag, group.commitIndex - match);
        }
      }
    }
    leaders.set(counts.leaders);
    followers.set(core.host.groups.size - counts.leaders);
    asleep.set(counts.asleep);
    leaderless.set(counts.leaderless);
    applyLag.set(counts.applyLag);
    followerLag.set(counts.followerLag);
  });
}

function watchRaft(metrics: Metrics, core: NodeCore): void {
  const leaderships = new Growth(metrics.counter('leaderships', {}));
  const accepted = new Growth(metrics.counter('proposals', { outcome: 'accepted' }));
  const dropped = new Growth(metrics.counter('proposals', { outcome: 'dropped' }));
  const rounds = new GrowthByLabel((outcome) => metrics.counter('readIndexRounds', { outcome }));
  metrics.onCollect(() => {
    const counts = core.host.removedCounts.clone();
    for (const group of core.host.groups.values()) {
      counts.add(group);
    }
    leaderships.show(counts.leaderships);
    accepted.show(counts.accepted);
    dropped.show(counts.dropped);
    rounds.show(new Map(Object.entries(counts.reads)));
  });
}

function watchSnapshots(metrics: Metrics, core: NodeCore): void {
  const { snapshotter } = core;
  const count = (direction: string, outcome: string): Growth =>
    new Growth(metrics.counter('snapshots', { direction, outcome }));
  const sent = count('sent', 'done');
  const sendsFailed = count('sent', 'failed');
  const received = count('received', 'done');
  const receivesFailed = count('received', 'failed');
  const bytesSent = new Growth(metrics.counter('snapshotBytes', { direction: 'sent' }));
  const bytesReceived = new Growth(metrics.counter('snapshotBytes', { direction: 'received' }));
  const resumed = new Growth(metrics.counter('snapshotsResumed', {}));
  const startedOver = new Growth(metrics.counter('snapshotsStartedOver', {}));
  const halvings = new Growth(metrics.counter('snapshotRateHalvings', {}));
  const rate = metrics.gauge('snapshotRate', {});
  const streams = metrics.gauge('snapshotsUnderWay', { state: 'sending' });
  const receiving = metrics.gauge('snapshotsUnderWay', { state: 'receiving' });
  const waiting = metrics.gauge('snapshotsUnderWay', { state: 'waiting' });
  const left = metrics.gauge('snapshotBytesLeft', {});
  metrics.onCollect(() => {
    const { counts } = snapshotter;
    sent.show(counts.sent);
    sendsFailed.show(counts.sendsFailed);
    received.show(counts.installed);
    receivesFailed.show(counts.receivesFailed);
    bytesSent.show(counts.bytesSent);
    bytesReceived.show(counts.bytesReceived);
    resumed.show(counts.resumed);
    startedOver.show(counts.startedOver);
    halvings.show(counts.halvings);
    rate.set(counts.bytesPerSecond);
    const progress = snapshotter.progress();
    const count = (state: string): number => progress.filter((one) => one.state === state).length;
    streams.set(count('sending'));
    receiving.set(count('receiving'));
    waiting.set(count('waiting'));
    left.set(
      progress
        .filter(({ direction }) => direction === 'out')
        .reduce((sum, one) => sum + Math.max(0, one.bytesTotal - one.bytesDone), 0),
    );
  });
}

/**
 * Labels that are shown as 0 before anything happened, so that a rate is right from the first time
 * on and a dashboard tells "nothing" from "no data". Others come up with their first event.
 */
const throttleLimits = [
  ...['gateway-commands', 'writes', 'write-bytes', 'uncommitted-bytes', 'committed-layer'],
  ...['row-reads', 'disk-space'],
];
const retryReasons = Object.entries(errorTable)
  .filter(([, { retry }]) => retry === 'now' || retry === 'later')
  .map(([code]) => code);

function watchRouter(metrics: Metrics, core: NodeCore): void {
  const retries = new GrowthByLabel((reason) => metrics.counter('routerRetries', { reason }));
  const unknown = new Growth(metrics.counter('unknownOutcomes', {}));
  const throttles = new GrowthByLabel((limit) => metrics.counter('throttles', { limit }));
  retries.show(new Map(retryReasons.map((reason) => [reason, 0])));
  throttles.show(new Map(throttleLimits.map((limit) => [limit, 0])));
  metrics.onCollect(() => {
    retries.show(core.router.retries);
    unknown.show(core.router.unknownOutcomes);
    throttles.show(core.router.throttled);
  });
}

function watchPeers(metrics: Metrics, core: NodeCore, network: GrpcNetwork): void {
  const { traffic } = network;
  const frames = new GrowthByLabel((direction) => metrics.counter('peerFrames', { direction }));
  const bytes = new GrowthByLabel((direction) => metrics.counter('peerBytes', { direction }));
  const drops = new GrowthByLabel((peer) => metrics.counter('peerDrops', { peer }));
  metrics.onCollect(() => {
    frames.show(
      new Map([
        ['sent', traffic.sentFrames],
        ['received', traffic.receivedFrames],
      ]),
    );
    bytes.show(
      new Map([
        ['sent', traffic.sentBytes],
        ['received', traffic.receivedBytes],
      ]),
    );
    drops.show(network.dropped);
    for (const nodeId of core.catalog.nodes.keys()) {
      if (nodeId !== core.host.nodeId) {
        const connected = core.host.liveness.get(nodeId)?.connected === true ? 1 : 0;
        metrics.gauge('peerConnected', { peer: String(nodeId) }).set(connected);
        metrics.counter('peerDrops', { peer: String(nodeId) });
      }
    }
  });
}

/** Asking the file system takes a moment: each look shows the answer to the one before. */
function watchDisk(metrics: Metrics, { disk, folder }: WatchedNode): void {
  const free = metrics.gauge('diskFreeBytes', {});
  const size = metrics.gauge('diskSizeBytes', {});
  const ask = (): void => {
    Promise.all([disk.freeBytes(folder), disk.sizeBytes(folder)]).then(
      ([freeBytes, sizeBytes]) => {
        free.set(freeBytes);
        size.set(sizeBytes);
      },
      () => undefined, // The old value stays; a failing store is told elsewhere.
    );
  };
  ask();
  metrics.onCollect(ask);
}

function watchStore(metrics: Metrics, core: NodeCore): void {
  const segments = metrics.gauge('logSegments', {});
  const logBytes = metrics.gauge('logBytes', {});
  const healthy = metrics.gauge('storeHealthy', {});
  const stalled = metrics.gauge('engineStalled', {});
  const backgroundErrors = metrics.gauge('engineBackgroundErrors', {});
  const blockCache = metrics.gauge('engineMemory', { part: 'block-cache' });
  const writeBuffers = metrics.gauge('engineMemory', { part: 'write-buffers' });
  const tableReaders = metrics.gauge('engineMemory', { part: 'table-readers' });
  const layer = metrics.gauge('committedLayerBytes', {});
  const cacheBytes = metrics.gauge('cacheBytes', {});
  const hits = new Growth(metrics.counter('cacheReads', { result: 'hit' }));
  const misses = new Growth(metrics.counter('cacheReads', { result: 'miss' }));
  // What an earlier life wrote is not of this one.
  const start = core.parts.log.durablePosition;
  const written = new Growth(metrics.counter('logWrittenBytes', {}), start);
  metrics.onCollect(() => {
    const log = core.parts.log.stats();
    segments.set(log.segments);
    logBytes.set(log.segmentBytes);
    healthy.set(core.host.failure === undefined ? 1 : 0);
    stalled.set(core.drainer.health?.stalled === true ? 1 : 0);
    backgroundErrors.set(core.drainer.health?.backgroundErrors ?? 0);
    const memory = core.parts.engine.memory();
    blockCache.set(memory.blockCache);
    writeBuffers.set(memory.writeBuffers);
    tableReaders.set(memory.tableReaders);
    layer.set(core.drainer.layerBytes);
    cacheBytes.set(core.cache.bytes);
    hits.show(core.cache.hits);
    misses.show(core.cache.misses);
    written.show(core.parts.log.durablePosition);
  });
}

export interface WatchedNode {
  readonly core: NodeCore;
  readonly network: GrpcNetwork;
  readonly version: string;
  readonly disk: Disk;
  /** The data folder. */
  readonly folder: string;
}

/** Shows a node on `/metrics`. */
export function watchNode(metrics: Metrics, node: WatchedNode): void {
  const { core, version } = node;
  metrics.gauge('buildInfo', { version, node: String(core.host.nodeId) }).set(1);
  watchGroups(metrics, core);
  watchRaft(metrics, core);
  watchSnapshots(metrics, core);
  watchRouter(metrics, core);
  watchStore(metrics, core);
  watchPeers(metrics, core, node.network);
  watchDisk(metrics, node);
  watchMovement(metrics, core);
  const ready = metrics.gauge('ready', {});
  metrics.onCollect(() => {
    ready.set(core.groupsReady ? 1 : 0);
  });
}
