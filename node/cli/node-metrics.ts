/** Feeds `metrics/names.ts` from a running node: gauges are set when someone looks. */
import type { NodeCore } from '../manager/node-core.ts';
import type { Metrics } from '../metrics/registry.ts';

/** Counters that the core keeps as plain numbers, shown as their growth. */
class Growth {
  #shown = 0;

  take(total: number): number {
    const grown = total - this.#shown;
    this.#shown = total;
    return grown;
  }
}

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
      counts.leaderless += group.leader === 0 ? 1 : 0;
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

function watchStore(metrics: Metrics, core: NodeCore): void {
  const segments = metrics.gauge('logSegments', {});
  const logBytes = metrics.gauge('logBytes', {});
  const healthy = metrics.gauge('storeHealthy', {});
  const stalled = metrics.gauge('engineStalled', {});
  const backgroundErrors = metrics.gauge('engineBackgroundErrors', {});
  const layer = metrics.gauge('committedLayerBytes', {});
  const cacheBytes = metrics.gauge('cacheBytes', {});
  const hits = metrics.counter('cacheReads', { result: 'hit' });
  const misses = metrics.counter('cacheReads', { result: 'miss' });
  const hitGrowth = new Growth();
  const missGrowth = new Growth();
  metrics.onCollect(() => {
    const log = core.parts.log.stats();
    segments.set(log.segments);
    logBytes.set(log.segmentBytes);
    healthy.set(core.host.failure === undefined ? 1 : 0);
    stalled.set(core.drainer.health?.stalled === true ? 1 : 0);
    backgroundErrors.set(core.drainer.health?.backgroundErrors ?? 0);
    layer.set(core.drainer.layerBytes);
    cacheBytes.set(core.cache.bytes);
    hits.add(hitGrowth.take(core.cache.hits));
    misses.add(missGrowth.take(core.cache.misses));
  });
}

/** Shows a node on `/metrics`. */
export function watchNode(metrics: Metrics, core: NodeCore, version: string): void {
  metrics.gauge('buildInfo', { version, node: String(core.host.nodeId) }).set(1);
  watchGroups(metrics, core);
  watchStore(metrics, core);
  const ready = metrics.gauge('ready', {});
  const throttles = new Map<string, Growth>();
  const sent = metrics.counter('snapshots', { direction: 'sent', outcome: 'done' });
  const received = metrics.counter('snapshots', { direction: 'received', outcome: 'done' });
  const sentGrowth = new Growth();
  const receivedGrowth = new Growth();
  metrics.onCollect(() => {
    ready.set(core.groupsReady ? 1 : 0);
    for (const [limit, total] of core.admission.refused) {
      const growth = throttles.get(limit) ?? new Growth();
      throttles.set(limit, growth);
      metrics.counter('throttles', { limit }).add(growth.take(total));
    }
    sent.add(sentGrowth.take(core.snapshotter.sent));
    received.add(receivedGrowth.take(core.snapshotter.installed));
    for (const nodeId of core.catalog.nodes.keys()) {
      if (nodeId !== core.host.nodeId) {
        const connected = core.host.liveness.get(nodeId)?.connected === true ? 1 : 0;
        metrics.gauge('peerConnected', { peer: String(nodeId) }).set(connected);
      }
    }
  });
}
