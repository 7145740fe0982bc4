/**
 * One node as a process: binds its ports, opens its stores or waits to be made a member, runs the
 * core, serves the doors, stops in order. Modes:
 *
 *   starting → empty      the folder is new: only the admin API answers
 *   starting → serving    it is a member
 *   empty    → serving    `Bootstrap` made it one, or it joined
 *   any      → removed    its id was tombstoned: it says so, and serves nothing
 *   any      → failed     the store failed: quarantined, nothing acknowledged any more; exit 1
 *   any      → stopped    told to stop: leaderships handed over, requests finished; exit 0
 *
 * Everything that can refuse does so before anything is written, in one line.
 */
import { adminHandlers } from '../admin/admin-handlers.ts';
import { adminService } from '../admin/grpc-admin.ts';
import type { NodeControl, NodeIdentity, NodeState } from '../admin/node-control.ts';
import type { Address } from '../config/address.ts';
import { formatAddress, isWildcard } from '../config/address.ts';
import type { NodeOptions } from '../config/options.ts';
import { createDynamoHandler } from '../dynamo/server.ts';
import { createRequestIds } from '../dynamo/request-ids.ts';
import { createClientApp } from '../http/client-app.ts';
import { HttpServer } from '../http/client-server.ts';
import { createOpsApp } from '../http/ops-app.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import { featureVersionMax } from '../lib/feature-version.ts';
import type { BootstrapPlan } from '../manager/bootstrap.ts';
import type { JoinSeed } from '../manager/join-seed.ts';
import { NodeCore } from '../manager/node-core.ts';
import type { NodeOptions as CoreOptions } from '../manager/node-core.ts';
import { RequestMetrics } from '../metrics/request-metrics.ts';
import { Metrics } from '../metrics/registry.ts';
import { DataFolder } from '../storage/data-folder.ts';
import { EnginePeerMemory } from '../transport/engine-peer-memory.ts';
import { plaintextChannels } from '../transport/grpc-channel.ts';
import { GrpcNetwork } from '../transport/grpc-network.ts';
import { GrpcServer, plaintextServer } from '../transport/grpc-server.ts';
import { TlsMaterial } from '../transport/tls.ts';
import { ClientTls } from './client-tls.ts';
import { listenAddress } from './every-address.ts';
import { LateServices } from './late-services.ts';
import { watchNode } from './node-metrics.ts';
import { NodeBirth } from './node-birth.ts';
import { openNodeStore } from './node-store.ts';
import type { NodeStore } from './node-store.ts';
import type { NodeWorld } from './node-world.ts';

type Mode = 'starting' | 'empty' | 'serving' | 'removed' | 'failed' | 'stopped';

/** Time for the last answers of a failed store to leave. */
const failedGraceMs = 200;

export class NodeProcess implements NodeControl {
  readonly version: string;
  readonly #world: NodeWorld;
  readonly #options: NodeOptions;
  readonly #metrics = new Metrics({ processMetrics: true });
  readonly #services = new LateServices();
  readonly #memory = new EnginePeerMemory();
  #mode: Mode = 'starting';
  #folder: DataFolder | undefined;
  #store: NodeStore | undefined;
  #core: NodeCore | undefined;
  #network: GrpcNetwork | undefined;
  #tls: TlsMaterial | undefined;
  #clientTls: ClientTls | undefined;
  #grpc: GrpcServer | undefined;
  #client: HttpServer | undefined;
  #ops: HttpServer | undefined;
  #caughtUp = false;
  /** Told to stop: not ready any more. */
  #isLeaving = false;
  readonly #birth: NodeBirth;
  /** Settles when the data folder is open: from then on the node knows whether it is a member. */
  readonly #started: Promise<void>;
  #setStarted: () => void = () => undefined;
  #ended: (exitCode: number) => void = () => undefined;

  constructor(options: NodeOptions, world: NodeWorld) {
    this.#options = options;
    this.#world = world;
    this.version = world.version;
    this.#started = new Promise((resolve) => {
      this.#setStarted = resolve;
    });
    this.#birth = new NodeBirth({
      ...{ world, options, started: this.#started },
      folder: () => this.#folder,
      core: () => this.#core,
      serve: () => this.#serve(),
      failed: () => {
        this.#ended(1);
      },
    });
  }

  get state(): NodeState {
    if (this.#mode === 'failed') {
      return 'quarantined';
    }
    if (this.#folder === undefined) {
      return 'starting';
    }
    if (this.#mode === 'removed') {
      return 'removed';
    }
    if (this.#folder.identity !== undefined) {
      return 'member';
    }
    return this.#folder.reservation === undefined ? 'empty' : 'reserved';
  }

  /** Before it is a member: of the cluster that its disk is promised to. */
  get identity(): NodeIdentity | undefined {
    return this.#folder?.identity ?? this.#folder?.reservation;
  }

  get ready(): boolean {
    return this.#readiness().ok;
  }

  get featureVersionMax(): number {
    return featureVersionMax;
  }

  get fingerprints(): {
    readonly presented: readonly string[];
    readonly trusted: readonly string[];
  } {
    return this.#tls?.fingerprints() ?? { presented: [], trusted: [] };
  }

  get bootId(): string {
    return this.#store?.log.bootHistory.at(-1) ?? '';
  }

  get core(): NodeCore | undefined {
    return this.#core;
  }

  /** Runs until told to stop or failed; the exit code. Throws if it cannot start. */
  async run(): Promise<number> {
    const ended = new Promise<number>((resolve) => {
      this.#ended = resolve;
    });
    try {
      await this.#open();
    } catch (error) {
      await this.#close(0);
      throw error;
    }
    if (this.#world.stop.aborted) {
      this.#ended(0);
    }
    this.#world.stop.addEventListener('abort', () => {
      this.#ended(0);
    });
    const exitCode = await ended;
    await this.#shutDown(exitCode);
    return exitCode;
  }

  async #open(): Promise<void> {
    const { disk, lock } = this.#world;
    await this.#bind();
    this.#folder = await DataFolder.open({ disk, lock, path: this.#options.data });
    const { removal } = this.#folder;
    if (removal !== undefined) {
      this.#mode = 'removed';
      this.#services.close(removedMessage(removal.reason));
      this.#sayRemoved(removal.reason);
      this.#setStarted();
      return;
    }
    if (this.#folder.identity === undefined) {
      this.#mode = 'empty';
      this.#setStarted();
      this.#world.logger.info('Waiting to be made a member of a cluster', {
        peers: formatAddress(this.#options.peerListen),
      });
      return;
    }
    this.#setStarted();
    await this.#serve();
  }

  /** Takes the ports; what is served behind them comes later. */
  async #bind(): Promise<void> {
    const { timers, logger, clock, random } = this.#world;
    const options = this.#options;
    this.#tls = await openTls(options, this.#world);
    const channels = this.#tls ?? plaintextChannels;
    this.#network = new GrpcNetwork({
      identity: () => this.#localIdentity(),
      memory: this.#memory,
      channels,
      timers,
      random,
      log: logger,
      onAddress: (nodeId, address) => {
        this.#core?.peerMoved(nodeId, address);
      },
      onQuarantined: (by, failure) => {
        void this.#fail(
          new DynakvError('Quarantined', `Node ${by} refuses this store: ${failure}`),
        );
      },
      onRemoved: (by) => {
        void this.#removed(`node ${by} says so`);
      },
    });
    this.#grpc = await GrpcServer.open({
      ...(await listenAddress(options.peerListen)),
      credentials: this.#tls ?? plaintextServer,
      timers,
      peers: this.#network.peerService,
      services: [adminService(adminHandlers(this, channels, clock))],
    });
    const requestIds = createRequestIds(random);
    const door = { items: this.#services, tables: this.#services, clock, requestIds, logger };
    const limits = { deadlineMs: options.requestTimeoutMs };
    this.#clientTls = await ClientTls.open(options, this.#world);
    this.#client = new HttpServer({
      dynamo: createDynamoHandler({
        ...door,
        limits,
        observer: new RequestMetrics(this.#metrics, 'dynamo'),
      }),
      app: createClientApp({ ...door, limits, observer: new RequestMetrics(this.#metrics, 'key') }),
      logger,
      limits: { connectionsMax: options.connectionsMax },
      tls: this.#clientTls?.current,
    });
    this.#clientTls?.onChange((tls) => this.#client?.renewCertificates(tls));
    await listen(this.#client, options.clientListen);
    this.#ops = new HttpServer({
      app: createOpsApp({
        metrics: this.#metrics,
        liveness: [{ name: 'process', check: () => ({ ok: true, detail: 'running' }) }],
        readiness: [{ name: 'replicas', check: () => this.#readiness() }],
        requestIds,
        logger,
      }),
      logger,
    });
    await listen(this.#ops, options.opsListen);
  }

  #localIdentity(): ReturnType<ConstructorParameters<typeof GrpcNetwork>[0]['identity']> {
    const identity = this.#folder?.identity;
    const log = this.#store?.log;
    if (identity === undefined || log === undefined) {
      return undefined;
    }
    return {
      clusterId: identity.clusterId,
      nodeId: identity.nodeId,
      storeId: identity.storeId,
      bootNonces: log.bootHistory,
      logPosition: log.durablePosition,
      ...this.#announced(),
    };
  }

  /** Where peers should reach this node: nothing to say of an address that names no machine. */
  #announced(): { readonly address?: string } {
    const { peerAdvertise, peerListen } = this.#options;
    const address = peerAdvertise ?? peerListen;
    return isWildcard(address) || address.port === 0 ? {} : { address: formatAddress(address) };
  }

  /** Own replicas open and caught up once since the start (design §7); not cluster-wide health. */
  #readiness(): { ok: boolean; detail: string } {
    if (this.#isLeaving) {
      return { ok: false, detail: 'stopping' };
    }
    if (this.#mode === 'removed') {
      return { ok: false, detail: 'removed from its cluster' };
    }
    if (this.#core === undefined) {
      return { ok: false, detail: this.#mode === 'empty' ? 'not a member yet' : 'starting' };
    }
    if (this.#core.host.failure !== undefined) {
      return { ok: false, detail: `store failed: ${messageOf(this.#core.host.failure)}` };
    }
    this.#caughtUp ||= this.#core.groupsReady;
    return this.#caughtUp
      ? { ok: true, detail: `${this.#core.host.groups.size} replicas open` }
      : { ok: false, detail: 'replicas are opening or catching up' };
  }

  #coreOptions(nodeId: number, seed: JoinSeed | undefined): CoreOptions {
    const options = this.#options;
    const overrides = [...(options.peerOverrides ?? new Map<number, Address>())];
    return {
      nodeId,
      tickMs: options.tickMs,
      electionTicks: options.electionTicks,
      heartbeatTicks: options.heartbeatTicks,
      cacheBytes: options.itemCacheBytes,
      layerBytesMax: options.committedLayerBytes,
      uncommittedBytesMax: options.uncommittedBytes,
      commandsMax: options.requestsMax,
      peerOverrides: new Map(overrides.map(([id, address]) => [id, formatAddress(address)])),
      seed,
    };
  }

  async #serve(): Promise<void> {
    const { clock, timers, random, logger } = this.#world;
    const options = this.#options;
    const folder = this.#folder;
    const network = this.#network;
    if (folder?.identity === undefined || network === undefined) {
      throw new DynakvError('Refused', 'Cannot serve before the data folder is open');
    }
    const onFailure = (error: unknown): void => {
      void this.#fail(error);
    };
    const store = await openNodeStore(this.#world, options, folder, onFailure);
    this.#store = store;
    this.#memory.attach(store.engine);
    const syncSeconds = this.#metrics.histogram('logSyncSeconds', {});
    const core = await NodeCore.open(
      {
        options: this.#coreOptions(folder.identity.nodeId, store.seed),
        ...store,
        network,
        freeBytes: async () => await this.#world.disk.freeBytes(folder.path),
        clock,
        timers,
        random,
        logger,
      },
      {
        failed: onFailure,
        synced: (durationMs) => {
          syncSeconds.observe(durationMs / 1000);
        },
        peerQuarantined: (nodeId, reason) => {
          logger.error('Peer quarantined', { peer: nodeId, reason });
          network.noteQuarantined(nodeId, reason).catch(onFailure);
        },
        removed: () => {
          void this.#removed('the catalog says so');
        },
        outdated: (error) => {
          logger.error(error.message);
          core.halt();
          this.#ended(1);
        },
      },
    );
    this.#core = core;
    for (const nodeId of core.catalog.nodes.keys()) {
      const reason = this.#memory.get(nodeId)?.quarantined;
      if (reason !== undefined) {
        core.quarantinedPeers.set(nodeId, reason);
      }
    }
    watchNode(this.#metrics, {
      core,
      network,
      version: this.version,
      ...{ disk: this.#world.disk, folder: folder.path },
    });
    core.start();
    this.#services.open(core);
    if (this.#mode !== 'starting' && this.#mode !== 'empty') {
      return; // It failed, or was found removed, while it opened.
    }
    this.#mode = 'serving';
    logger.info('Serving', {
      node: folder.identity.nodeId,
      cluster: folder.identity.clusterId,
      client: formatAddress(options.clientListen),
    });
  }

  async reserve(promise: {
    readonly clusterId: string;
    readonly nodeId: number;
  }): Promise<{ readonly storeId: string }> {
    return await this.#birth.reserve(promise);
  }

  async bootstrap(plan: BootstrapPlan, nodeId: number): Promise<boolean> {
    return await this.#birth.bootstrap(plan, nodeId);
  }

  async join(seed: JoinSeed): Promise<boolean> {
    return await this.#birth.join(seed);
  }

  /** The cluster removed this node: it keeps its files, answers who it is, and nothing else. */
  async #removed(reason: string): Promise<void> {
    if (this.#mode === 'removed' || this.#mode === 'failed' || this.#mode === 'stopped') {
      return;
    }
    this.#mode = 'removed';
    this.#services.close(removedMessage(reason));
    this.#core?.halt();
    this.#network?.setPeers([]);
    this.#sayRemoved(reason);
    try {
      const at = new Date(this.#world.clock.wallMs()).toISOString();
      await this.#folder?.noteRemoval({ at, reason });
    } catch (error) {
      // The catalog and the peers go on saying it.
      this.#world.logger.error('Cannot note the removal', { error: messageOf(error) });
    }
  }

  #sayRemoved(reason: string): void {
    this.#world.logger.error(removedMessage(reason), { data: this.#options.data });
  }

  stopSoon(): void {
    this.#world.timers.after(failedGraceMs, () => {
      this.#ended(0);
    });
  }

  /** An error that reached the process instead of a caller. */
  async failStore(error: unknown): Promise<void> {
    this.#core?.host.fail(error);
    await this.#fail(error);
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#mode === 'failed') {
      return;
    }
    this.#mode = 'failed';
    this.#world.logger.error('Store failed: this node stops serving', { error: messageOf(error) });
    try {
      const at = new Date(this.#world.clock.wallMs()).toISOString();
      await this.#folder?.quarantine(messageOf(error), at);
    } catch (second) {
      this.#world.logger.error('Cannot note the quarantine', { error: messageOf(second) });
    }
    this.#world.timers.after(failedGraceMs, () => {
      this.#ended(1);
    });
  }

  async #shutDown(exitCode: number): Promise<void> {
    // A birth under way would open what is closed here.
    await this.#birth.settled();
    if (exitCode === 0) {
      this.#isLeaving = true;
      this.#world.logger.info('Stopping');
      await this.#serveOn();
      this.#mode = 'stopped';
      // Requests under way end as usual, then the leaderships go: none ends as unknown.
      await this.#client?.close(this.#options.stopTimeoutMs);
      this.#client = undefined;
      await this.#core?.stop();
    }
    await this.#close(exitCode === 0 ? this.#options.stopTimeoutMs : failedGraceMs);
    if (exitCode === 0) {
      this.#world.logger.info('Stopped');
    }
  }

  /** Whoever chooses nodes by their readiness learns of its end late (O24). */
  async #serveOn(): Promise<void> {
    const { stopDelayMs } = this.#options;
    if (stopDelayMs > 0) {
      this.#client?.announceEnd();
      const { timers } = this.#world;
      await new Promise<void>((resolve) => timers.after(stopDelayMs, resolve));
    }
  }

  /** In reverse order of opening. */
  async #close(graceMs: number): Promise<void> {
    await this.#client?.close(graceMs);
    this.#core?.halt();
    this.#network?.close();
    this.#memory.detach();
    await this.#grpc?.close();
    await this.#ops?.close(0);
    this.#tls?.close();
    this.#clientTls?.close();
    if (this.#mode !== 'failed') {
      await this.#store?.log.close();
      await this.#store?.engine.close();
    }
    await this.#folder?.close();
  }
}

function removedMessage(reason: string): string {
  return (
    `This node was removed from its cluster and serves nothing: ${reason}. Its data is not used ` +
    'any more: keep it or delete it, and start with an empty data folder to join as a new node'
  );
}

async function openTls(options: NodeOptions, world: NodeWorld): Promise<TlsMaterial | undefined> {
  const { peerTlsCa: caFile, peerTlsCert: certFile, peerTlsKey: keyFile } = options;
  if (caFile === undefined || certFile === undefined || keyFile === undefined) {
    return undefined;
  }
  return await TlsMaterial.open({
    files: { caFile, certFile, keyFile },
    timers: world.timers,
    log: world.logger,
  });
}

async function listen(server: HttpServer, address: Address): Promise<void> {
  try {
    await server.listen(await listenAddress(address));
  } catch (error) {
    const busy = (error as { code?: unknown }).code === 'EADDRINUSE';
    const why = busy
      ? 'another process has it: stop that one, or choose another port'
      : messageOf(error);
    throw new DynakvError('ConfigInvalid', `Cannot listen on ${formatAddress(address)}: ${why}`);
  }
}
