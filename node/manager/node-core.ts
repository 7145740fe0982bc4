/**
 * One node of a cluster without its doors and without the choice of its disk, network and clock:
 * opens every replica from log and engine, runs the host, the executors, the system group, the
 * router. `main.ts` puts real parts under it, the simulator simulated ones.
 *
 * Opening refuses, with the remedy, when log and engine do not agree (`host/group-factory.ts`).
 */
import { must } from '../lib/assert.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import { featureVersionMax } from '../lib/feature-version.ts';
import { Admission, admissionDefaults } from '../executor/admission.ts';
import { Executors } from '../executor/executors.ts';
import type { CompactionLimits } from '../host/compaction.ts';
import { Drainer } from '../host/drainer.ts';
import { ForegroundLoad } from '../host/foreground-load.ts';
import { EngineGenerations } from '../host/generation-store.ts';
import type { Group } from '../host/group.ts';
import { Host } from '../host/host.ts';
import { noFacts } from '../host/liveness-frames.ts';
import type { NodeFacts } from '../host/liveness-frames.ts';
import { Membership } from '../host/membership.ts';
import { RowCache } from '../host/row-cache.ts';
import { RowReader } from '../host/row-reader.ts';
import { Snapshotter } from '../host/snapshotter.ts';
import { Router } from '../router/router.ts';
import { systemGroupId } from '../shards/groups.ts';
import type { RaftLog } from '../storage/raft-log/raft-log.ts';
import type { Generations } from '../storage/generations.ts';
import type { Clock, Timer, Timers } from '../sys/clock.ts';
import type { Engine } from '../sys/engine.ts';
import type { Logger } from '../sys/log.ts';
import { FrameKind } from '../sys/network.ts';
import type { Network, NodeId, PeerEvent } from '../sys/network.ts';
import type { Random } from '../sys/random.ts';
import { Catalog } from './catalog.ts';
import { mayLead } from './catalog-records.ts';
import { CatalogLoader } from './catalog-loader.ts';
import { DroppedTables } from './dropped-tables.ts';
import { handOver } from './hand-over.ts';
import type { JoinSeed } from './join-seed.ts';
import { LeaderHome } from './leader-home.ts';
import { LocalReplicas } from './local-replicas.ts';
import { Management } from './management.ts';
import { ShardBytes } from './shard-bytes.ts';
import type { ShardManager } from './shard-manager.ts';
import { snapshotPolicy } from './snapshot-policy.ts';
import { SystemGroup } from './system-group.ts';
import { SystemGuide } from './system-guide.ts';
import { TableFanout } from './table-fanout.ts';
import { CatalogTables } from './table-service.ts';

export interface NodeOptions {
  readonly nodeId: NodeId;
  readonly tickMs: number;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly cacheBytes: number;
  readonly layerBytesMax: number;
  /** Default: `host/compaction.ts`. */
  readonly compaction?: CompactionLimits | undefined;
  /** A leader's uncommitted tail per group; beyond it writes are throttled. */
  readonly uncommittedBytesMax: number;
  /** Commands under way at this node as gateway. */
  readonly commandsMax: number;
  /** Addresses to use instead of the catalog's. */
  readonly peerOverrides: ReadonlyMap<NodeId, string>;
  /** What this program knows; default: `lib/feature-version.ts`. */
  readonly featureVersionMax?: number | undefined;
  /** False: never manages, for scenarios that move replicas by hand. Default true. */
  readonly manages?: boolean | undefined;
  /** Of a node that joined: looked at until the system group has told it the catalog. */
  readonly seed?: JoinSeed | undefined;
}

export interface NodeParts {
  readonly options: NodeOptions;
  readonly engine: Engine;
  readonly log: RaftLog;
  readonly generations: Generations;
  readonly network: Network;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  /** Bytes free on the disk; absent: unknown. */
  readonly freeBytes?: (() => Promise<number>) | undefined;
}

export interface NodeEvents {
  /** The store failed: nothing is served any more; the process should end and stay ended. */
  failed(error: unknown): void;
  /** A log append was confirmed after so many ms. */
  synced?(durationMs: number): void;
  /**
   * The cluster uses what this program does not know: it must end, nothing is wrong with the store.
   */
  outdated?(error: DynakvError): void;
  /** The cluster removed this node: it must not serve any more. */
  removed?(): void;
  /** A peer's store failed: to be remembered durably. */
  peerQuarantined?(nodeId: NodeId, reason: string): void;
}

const housekeepingPeriodMs = 1_000;
/** For noting in the catalog what a peer says of itself, failovers included. */
const catalogNoteMs = 10_000;

export class NodeCore {
  readonly parts: NodeParts;
  readonly catalog = new Catalog();
  readonly host: Host;
  readonly executors: Executors;
  readonly admission: Admission;
  readonly router: Router;
  readonly tables: CatalogTables;
  readonly cache: RowCache;
  readonly drainer: Drainer;
  readonly snapshotter: Snapshotter;
  /** How requests fare on this node. */
  readonly load = new ForegroundLoad();
  /** Peers whose stores failed, and why, as far as this node heard. */
  readonly quarantinedPeers = new Map<NodeId, string>();
  readonly replicas: LocalReplicas;
  readonly membership: Membership;
  readonly #store: EngineGenerations;
  readonly #loader: CatalogLoader;
  readonly #reader: RowReader;
  readonly #system: SystemGroup;
  readonly #bytes: ShardBytes;
  readonly #management: Management;
  readonly #fanout: TableFanout;
  readonly #dropped: DroppedTables;
  readonly #leaderHome: LeaderHome;
  readonly #guide: SystemGuide;
  readonly #timers: Timer[] = [];
  readonly #events: NodeEvents;
  #freeBytes = 0;
  #stopped = false;

  private constructor(parts: NodeParts, events: NodeEvents) {
    this.parts = parts;
    this.#events = events;
    const { engine, network, clock, timers, random, logger, options } = parts;
    const failed = (error: unknown): void => {
      this.host.fail(error);
    };
    this.cache = new RowCache(options.cacheBytes);
    this.#reader = new RowReader(engine, failed);
    this.#store = new EngineGenerations(parts.generations, failed);
    this.#dropped = new DroppedTables(engine, logger, failed);
    const { layerBytesMax, compaction } = options;
    this.drainer = new Drainer({ engine, timers }, { layerBytesMax, compaction });
    this.host = this.#newHost(parts, events);
    this.snapshotter = new Snapshotter({
      ...{ engine, network, clock, timers, random, logger, failed },
      generations: this.#store,
      keeper: this.drainer,
      groups: this.host.groups,
      load: this.load,
      bytesOf: (group) => this.#bytes.current(group),
      freeBytes: parts.freeBytes ?? ((): Promise<number> => Promise.resolve(Infinity)),
      diskFull: () => this.host.logWriter.full || parts.log.spaceLow,
    });
    this.snapshotter.policy = snapshotPolicy(this.catalog);
    this.admission = new Admission(
      admissionDefaults,
      () => this.drainer.layerFull,
      () => this.host.logWriter.full || parts.log.spaceLow,
    );
    this.executors = new Executors(this.admission, {
      tableDropped: (group, tableId) => {
        this.#dropped.dropped(group, tableId);
      },
      installed: (group) => {
        this.#dropped.find(group).catch(failed);
      },
    });
    this.#system = this.#newSystemGroup();
    this.#bytes = new ShardBytes({
      ...{ engine, logger, failed, groups: this.host.groups },
      shardCount: () => (this.catalog.isLoaded ? this.catalog.shardCount : 0),
    });
    this.membership = new Membership({
      host: this.host,
      bytesOf: (group) => this.#bytes.of(group),
      snapshotTo: ({ groupId }, replicaId) => this.snapshotter.progressTo(groupId, replicaId),
    });
    this.#guide = this.#newGuide();
    this.router = new Router({
      ...{ network, clock, timers, random, commandsMax: options.commandsMax, load: this.load },
      ...{ host: this.host, executors: this.executors, system: this.#system },
      ...{ membership: this.membership, placement: this.catalog },
      bootNonce: must(parts.log.bootHistory.at(-1)),
      ownAnswer: (question) =>
        question.kind === 'survey' ? this.membership.survey(question) : this.#guide.answer(),
    });
    this.#fanout = new TableFanout({
      ...{ catalog: this.catalog, router: this.router, clock, timers, random, logger },
    });
    this.#management = this.#newManagement();
    this.#leaderHome = new LeaderHome(this.host, this.catalog);
    const { catalog, drainer } = this;
    this.#loader = new CatalogLoader({ catalog, engine, store: this.#store, drainer });
    this.replicas = this.#newReplicas(failed);
    this.tables = new CatalogTables(this.catalog, this.router, clock, random);
  }

  #newGuide(): SystemGuide {
    const { clock, logger, options } = this.parts;
    const router = (): Router => this.router;
    const changed = (): void => {
      this.#followCatalog();
    };
    const { host, catalog } = this;
    return new SystemGuide({ host, catalog, clock, logger, router, changed }, options.seed);
  }

  #newSystemGroup(): SystemGroup {
    const { clock } = this.parts;
    const facts = {
      get nowMs(): number {
        return clock.wallMs();
      },
      isLive: (nodeId: NodeId) => nodeId === this.host.nodeId || this.host.liveness.isLive(nodeId),
    };
    return new SystemGroup(this.catalog, facts, {
      opened: (term) => {
        this.#fanout.opened(term);
        if (this.parts.options.manages !== false) {
          this.manager.opened(term);
        }
      },
      closed: () => {
        this.#fanout.closed();
        this.manager.closed();
      },
      admin: (request) => this.#management.desk.run(request),
      installed: (group) => {
        void this.#reloadCatalog(group);
      },
    });
  }

  /** Manages the shards while this node leads the system group. */
  get manager(): ShardManager {
    return this.#management.shards;
  }

  #newManagement(): Management {
    const { clock, timers, logger } = this.parts;
    const { catalog, router, host } = this;
    return new Management({
      ...{ catalog, router, clock, timers, logger, ownId: host.nodeId },
      node: (nodeId) => ({
        live: nodeId === host.nodeId || host.liveness.isLive(nodeId),
        ...this.factsOf(nodeId),
      }),
    });
  }

  /** What a node said of itself last, or this one of itself. */
  factsOf(nodeId: NodeId): NodeFacts {
    const heard = this.host.liveness.get(nodeId)?.facts ?? noFacts;
    return nodeId === this.host.nodeId ? this.#facts : heard;
  }

  /** What this node says of itself; disk and rows are looked at now and then. */
  get #facts(): NodeFacts {
    return {
      featureVersionMax: this.#featureVersionMax,
      freeBytes: this.#freeBytes,
      usedBytes: this.drainer.health?.liveDataBytes ?? 0,
      snapshotBytesSent: this.snapshotter.counts.bytesSent,
      stopping: this.#stopped,
    };
  }

  #lookAtDisk(): void {
    this.parts.freeBytes?.().then(
      (bytes) => {
        this.#freeBytes = Number.isSafeInteger(bytes) ? bytes : 0; // 0: unknown.
      },
      () => undefined, // The old value stays; a failing store is told elsewhere.
    );
  }

  /** Said by the peer itself, or by the catalog to those that were away when it was said. */
  #peerQuarantined(nodeId: NodeId, reason: string): void {
    if (this.quarantinedPeers.has(nodeId)) {
      return;
    }
    this.quarantinedPeers.set(nodeId, reason);
    this.#events.peerQuarantined?.(nodeId, reason);
    if (this.catalog.nodes.get(nodeId)?.quarantined === undefined) {
      const deadlineMs = this.parts.clock.monotonicMs() + catalogNoteMs;
      this.router.system({ op: 'quarantine', nodeId, reason }, deadlineMs).catch(
        // Every peer tries; what is not in the catalog is still in the peers' own memory.
        () => undefined,
      );
    }
  }

  /** A peer's newer boot says that it moved: the catalog learns, and with it every node. */
  peerMoved(nodeId: NodeId, address: string): void {
    if (this.catalog.nodes.get(nodeId)?.address === address) {
      return;
    }
    this.parts.logger.info('Peer moved', { peer: nodeId, address });
    const deadlineMs = this.parts.clock.monotonicMs() + catalogNoteMs;
    // It is said again with the next hello, should this attempt fail.
    this.router.system({ op: 'moved', nodeId, address }, deadlineMs).catch(() => undefined);
  }

  /** Follows the catalog: failed stores, this node's own among them. */
  #followQuarantine(): void {
    for (const { nodeId, quarantined } of this.catalog.nodes.values()) {
      if (quarantined === undefined) {
        continue;
      }
      if (nodeId === this.host.nodeId) {
        this.host.fail(new DynakvError('Quarantined', `The cluster says: ${quarantined}`));
      } else {
        this.#peerQuarantined(nodeId, quarantined);
      }
    }
  }

  #newHost(parts: NodeParts, events: NodeEvents): Host {
    const { options, engine, log, network, clock, timers, random, logger } = parts;
    const { cache, drainer } = this;
    return new Host(
      { nodeId: options.nodeId, tickMs: options.tickMs, silentTicks: options.electionTicks },
      {
        ...{ engine, log, network, clock, timers, random, logger },
        ...{ cache, drainer, reader: this.#reader },
      },
      {
        failed: (error) => {
          events.failed(error);
        },
        sendSnapshot: (group, message) => {
          this.snapshotter.send(group, message);
        },
        installSnapshot: (group, metadata) => {
          this.snapshotter.install(group, metadata);
        },
        synced: (durationMs) => {
          this.load.sync(durationMs);
          events.synced?.(durationMs);
        },
        groupStopped: () => undefined,
        nodeFacts: () => this.#facts,
        featureVersion: () => (this.catalog.isLoaded ? this.catalog.cluster.featureVersion : 1),
        peerQuarantined: (nodeId, reason) => {
          this.#peerQuarantined(nodeId, reason);
        },
      },
    );
  }

  /** Opens every replica of the node; nothing is sent before `start`. */
  static async open(parts: NodeParts, events: NodeEvents): Promise<NodeCore> {
    const core = new NodeCore(parts, events);
    await core.#loadCatalog();
    const outdated = core.#outdated;
    if (outdated !== undefined) {
      throw outdated;
    }
    await core.replicas.openAll();
    return core;
  }

  get #featureVersionMax(): number {
    return this.parts.options.featureVersionMax ?? featureVersionMax;
  }

  /** An older program must not touch what newer ones may have written. */
  get #outdated(): DynakvError | undefined {
    const { catalog } = this;
    const known = this.#featureVersionMax;
    if (!catalog.isLoaded || catalog.cluster.featureVersion <= known) {
      return undefined;
    }
    return new DynakvError(
      'NewerFormat',
      `Cannot serve: the cluster uses feature version ${catalog.cluster.featureVersion}, this ` +
        `program knows up to ${known}; start the release that was here before, or a newer one`,
    );
  }

  async #loadCatalog(): Promise<void> {
    const pointer = this.parts.generations.pointer(systemGroupId);
    if (pointer === undefined) {
      throw new DynakvError('Quarantined', 'Cannot start: the system group is missing in RocksDB');
    }
    await this.#loader.load(pointer.generation);
  }

  /** A snapshot replaced the system group's rows. */
  async #reloadCatalog(group: Group): Promise<void> {
    this.#system.reloading = true;
    try {
      await this.#loader.reload(group);
      this.#system.reloading = false;
    } catch (error) {
      this.host.fail(error);
    }
  }

  #newReplicas(failed: (error: unknown) => void): LocalReplicas {
    const { log, generations, timers, random, logger, options } = this.parts;
    const { host, drainer, cache, catalog } = this;
    return new LocalReplicas({
      ...{ host, drainer, log, generations, cache, catalog, timers, random, logger, failed },
      ...{ nodeId: options.nodeId, tuning: options, store: this.#store, reader: this.#reader },
      listenerOf: (groupId) => (groupId === systemGroupId ? this.#system : this.executors),
      place: (group) => {
        this.#place(group);
      },
      opened: async (group) => {
        if (group.groupId !== systemGroupId) {
          await this.#dropped.find(group);
        }
      },
      released: (group) => {
        this.executors.forget(group);
        this.#dropped.forget(group);
        this.snapshotter.forget(group.groupId);
        this.#leaderHome.forget(group);
        this.#bytes.forget(group);
      },
    });
  }

  /** Where the members are now, for a node that joined and was told nothing yet. */
  reseed(seed: JoinSeed): void {
    this.#guide.reseed(seed);
  }

  /** Where the group's replicas live, by the catalog. */
  #place(group: Group): void {
    const listed = this.catalog.groups.get(group.groupId)?.replicas ?? [];
    const isSystem = group.groupId === systemGroupId;
    group.nodes.clear();
    for (const replica of isSystem ? this.#guide.systemReplicas : listed) {
      group.nodes.set(replica.replicaId, replica.nodeId);
    }
  }

  /** Connects and runs. */
  start(): void {
    const { network, timers } = this.parts;
    network.onFrame((from, kind, payload) => {
      this.#onFrame(from, kind, payload);
    });
    network.onPeer((event) => {
      this.#onPeer(event);
    });
    network.onSnapshot((from, snapshot, chunks, answer) =>
      this.snapshotter.receive(from, snapshot, chunks, answer),
    );
    network.onStranger((stranger) => {
      this.#guide.called(stranger);
    });
    this.catalog.onChange(() => {
      this.#followCatalog();
    });
    this.host.start();
    this.snapshotter.start();
    // Entries of the log's tail may have been applied while the replicas were opened.
    this.#followCatalog();
    this.#leaderHome.start();
    this.#timers.push(
      timers.every(housekeepingPeriodMs, () => {
        this.#dropped.sweep();
        this.parts.log.tickIdle();
        this.#lookAtDisk();
        this.#bytes.look();
        this.#guide.look();
      }),
    );
  }

  #followCatalog(): void {
    for (const group of this.host.groups.values()) {
      this.#place(group);
    }
    this.#setPeers();
    this.#followQuarantine();
    this.replicas.follow();
    const outdated = this.#outdated;
    if (outdated !== undefined) {
      this.parts.timers.endOfTurn(() => this.#events.outdated?.(outdated));
    }
    if (this.catalog.nodes.get(this.host.nodeId)?.state === 'removed') {
      // Not within the step that applied it: the groups are about to be stopped.
      this.parts.timers.endOfTurn(() => this.#events.removed?.());
    }
  }

  #setPeers(): void {
    const { network, options } = this.parts;
    const peers = this.#guide.members
      .filter((node) => node.nodeId !== options.nodeId)
      .map((node) => ({
        nodeId: node.nodeId,
        address: options.peerOverrides.get(node.nodeId) ?? node.address,
        storeId: this.catalog.nodes.get(node.nodeId)?.storeId ?? node.storeId,
      }));
    const removed = [...this.catalog.nodes.values()].filter((node) => node.state === 'removed');
    this.host.setPeers(peers.map((peer) => peer.nodeId));
    network.setPeers(peers, new Set(removed.map((node) => node.nodeId)));
  }

  #onFrame(from: NodeId, kind: FrameKind, payload: Buffer): void {
    try {
      switch (kind) {
        case FrameKind.raft:
          this.host.onRaftFrame(from, payload);
          return;
        case FrameKind.liveness:
          this.host.onLivenessFrame(from, payload);
          return;
        case FrameKind.request:
          this.router.onRequest(from, payload);
          return;
        case FrameKind.reply:
          this.router.onReply(from, payload);
          return;
        default:
          this.parts.logger.warn('Frame of an unknown kind dropped', { from, kind });
      }
    } catch (error) {
      if (error instanceof DynakvError && error.code === 'BadFrame') {
        this.parts.logger.warn('Frame dropped', { from, kind, error: messageOf(error) });
        return;
      }
      throw error;
    }
  }

  #onPeer(event: PeerEvent): void {
    this.host.onPeer(event);
    if (event.kind === 'down') {
      this.router.peerDown(event.nodeId);
    }
  }

  /** All own replicas that are members follow a leader or lead openly. */
  get groupsReady(): boolean {
    if (!this.catalog.isLoaded) {
      return false;
    }
    for (const group of this.host.groups.values()) {
      if (!group.isMember) {
        continue; // Given out and not taken in yet, or on its way out.
      }
      const follows = group.leader !== 0 && (!group.isLeader || group.openTerm !== 0);
      if (group.stoppedBecause !== undefined || !follows) {
        return false;
      }
    }
    return this.host.failure === undefined;
  }

  /** Hands every leadership over, then stops: a planned stop causes no unknown outcomes. */
  async stop(): Promise<void> {
    if (this.#stopped) {
      return;
    }
    this.#stopped = true;
    this.#leaderHome.stop();
    this.host.beat();
    await handOver(this.host, (nodeId) => mayLead(this.catalog.nodes.get(nodeId)));
    this.router.close();
    this.halt();
  }

  /** Stops at once (a simulated crash, a failed store). */
  halt(): void {
    this.#stopped = true;
    this.#leaderHome.stop();
    for (const timer of this.#timers) {
      timer.cancel();
    }
    this.manager.closed();
    this.replicas.close();
    this.snapshotter.close();
    this.host.close();
  }
}
