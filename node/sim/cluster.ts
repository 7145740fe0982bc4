/**
 * A whole cluster of real node code in one process, on a simulated clock, network, disk and
 * engine, all drawn from one seed. Everything below the doors is what production runs
 * (`manager/node-core.ts`); only the parts under `sys` differ.
 */
import type { CompactionLimits } from '../host/compaction.ts';
import { assert, must } from '../lib/assert.ts';
import { featureVersionMax } from '../lib/feature-version.ts';
import { Prng } from '../lib/prng.ts';
import { giveBirth, joinBirth } from '../manager/birth.ts';
import type { BootstrapPlan } from '../manager/bootstrap.ts';
import type { JoinSeed } from '../manager/join-seed.ts';
import type { JoinReply, NodeCommand } from '../manager/node-commands.ts';
import { NodeCore } from '../manager/node-core.ts';
import type { Stores } from '../manager/recovery-store.ts';
import { Generations } from '../storage/generations.ts';
import type { MemoryEngine } from '../storage/memory-engine.ts';
import { MemoryStore } from '../storage/memory-store.ts';
import type { MemoryState } from '../storage/memory-store.ts';
import { RaftLog } from '../storage/raft-log/raft-log.ts';
import { silentLogger } from '../sys/log.ts';
import type { Logger } from '../sys/log.ts';
import type { NodeId } from '../sys/network.ts';
import type { Random } from '../sys/random.ts';
import { helloTo, judgeHello } from '../transport/hello.ts';
import type { LocalIdentity, PeerRecord } from '../transport/hello.ts';
import { SimScheduler } from './clock.ts';
import type { SimTime } from './clock.ts';
import { SimDisk } from './disk.ts';
import { SimNetwork } from './network.ts';

export interface SimClusterOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly shards: number;
  readonly logger?: Logger;
  readonly compaction?: CompactionLimits;
  /** False: no node manages; replicas are moved by hand. */
  readonly manages?: boolean;
  /** By node; default: what the program knows. */
  readonly featureVersionMax?: (nodeId: NodeId) => number;
  /** Peers judge each other's hello as in production (`transport/hello.ts`). Default false. */
  readonly hellos?: boolean;
  readonly zoneOf?: (nodeId: NodeId) => string | undefined;
  readonly tuning?: Partial<SimTuning>;
}

/** Sizes and timings of every node. */
export interface SimTuning {
  readonly replicationFactor: number;
  readonly tickMs: number;
  readonly electionTicks: number;
  readonly segmentBytes: number;
  readonly cacheBytes: number;
  readonly layerBytesMax: number;
  /** Longest operation of the log's disk, beside its least 0.05 ms, and of the row engine. */
  readonly diskMaxMs: number;
  readonly engineMaxMs: number;
}

const tuningDefaults: SimTuning = {
  replicationFactor: 3,
  tickMs: 100,
  electionTicks: 10,
  segmentBytes: 256 * 1024,
  cacheBytes: 4 * 1024 * 1024,
  layerBytesMax: 8 * 1024 * 1024,
  diskMaxMs: 1,
  engineMaxMs: 1,
};
const diskMinMs = 0.05;

/** Disks of one node at one moment. */
export interface StoreImages {
  readonly disk: SimDisk;
  readonly state: MemoryState;
}

interface Machine {
  readonly nodeId: NodeId;
  readonly storeId: string;
  readonly disk: SimDisk;
  readonly store: MemoryStore;
  /** What it saw of its peers, durably. */
  readonly memory: Map<NodeId, PeerRecord>;
  /** Of a node that joined. */
  seed: JoinSeed | undefined;
  boots: number;
  time: SimTime | undefined;
  core: NodeCore | undefined;
  engine: MemoryEngine | undefined;
}

export type JoinCommand = NodeCommand & { readonly op: 'join' };

/** Where a node that joins finds the others. */
function whereabouts({ catalog }: NodeCore): Pick<JoinSeed, 'members' | 'systemReplicas'> {
  return { members: catalog.members, systemReplicas: catalog.systemReplicas };
}

export class SimCluster {
  readonly scheduler = new SimScheduler();
  readonly random: Prng;
  readonly network: SimNetwork;
  readonly plan: BootstrapPlan;
  readonly #machines = new Map<NodeId, Machine>();
  readonly #options: SimClusterOptions;
  readonly #tuning: SimTuning;
  /** Factor on the time that a node's disk takes; 1 if not listed. */
  readonly diskSlowness = new Map<NodeId, number>();
  /** Errors that stopped a node's store. */
  readonly failures: { readonly nodeId: NodeId; readonly error: unknown }[] = [];
  /** Hellos that were refused. */
  readonly refusals: { readonly nodeId: NodeId; readonly by: NodeId; readonly reason: string }[] =
    [];
  /** Hears of each of them at once. */
  onFailed: ((nodeId: NodeId, error: unknown) => void) | undefined;
  /** A node learned that it was removed: its process ends. */
  onRemoved: ((nodeId: NodeId) => void) | undefined;
  /** Nodes whose program is older than what the cluster uses. */
  readonly outdated = new Set<NodeId>();

  constructor(options: SimClusterOptions) {
    this.#options = options;
    this.#tuning = { ...tuningDefaults, ...options.tuning };
    this.random = new Prng(options.seed);
    const time = this.scheduler.openTime();
    this.network = new SimNetwork(time, new Prng(this.random.uint32()));
    if (options.hellos === true) {
      this.network.admits = (one, other) => this.#greet(one, other) && this.#greet(other, one);
    }
    const ids = Array.from({ length: options.nodes }, (_, i) => i + 1);
    this.plan = {
      clusterId: `sim-${options.seed}`,
      members: ids.map((nodeId) => ({
        nodeId,
        address: `n${nodeId}:7000`,
        clientAddress: `n${nodeId}:8000`,
        opsAddress: `n${nodeId}:9100`,
        zone: options.zoneOf?.(nodeId),
      })),
      shardCount: options.shards,
      replicationFactor: this.#tuning.replicationFactor,
      createdAtMs: time.wallMs(),
      featureVersion: Math.min(...ids.map((nodeId) => this.#knownBy(nodeId))),
    };
    for (const nodeId of ids) {
      this.#addMachine(nodeId, `store-${nodeId}`);
    }
  }

  /** The feature version that the node's program knows. */
  #knownBy(nodeId: NodeId): number {
    return this.#options.featureVersionMax?.(nodeId) ?? featureVersionMax;
  }

  #addMachine(nodeId: NodeId, storeId: string, seed?: JoinSeed): void {
    this.#machines.set(nodeId, {
      nodeId,
      storeId,
      disk: new SimDisk({
        seed: this.random.uint32(),
        schedule: (complete) => {
          const factor = this.diskSlowness.get(nodeId) ?? 1;
          const durationMs = diskMinMs + this.#drawMs(this.#tuning.diskMaxMs);
          must(this.#machines.get(nodeId)?.time).after(durationMs * factor, complete);
        },
      }),
      store: new MemoryStore(),
      memory: new Map(),
      seed,
      boots: 0,
      time: undefined,
      core: undefined,
      engine: undefined,
    });
  }

  #drawMs(maxMs: number): number {
    return (this.random.below(1000) / 1000) * maxMs;
  }

  /** A new machine asks node `through` to join, and boots; its node id. */
  async addNode(through: NodeId): Promise<NodeId> {
    const core = must(this.core(through));
    const command = this.joinCommand();
    const deadlineMs = core.parts.clock.monotonicMs() + 30_000;
    const reply = (await this.settle(core.router.system(command, deadlineMs))) as JoinReply;
    const nodeId = this.letIn(command, reply, core);
    await this.boot(nodeId);
    return nodeId;
  }

  /** What the next new machine says to join: the same until one is let in. */
  joinCommand(): JoinCommand {
    const number = this.#machines.size + 1;
    return {
      op: 'join',
      storeId: `store-${number}`,
      address: `n${number}:7000`,
      clientAddress: `n${number}:8000`,
      opsAddress: `n${number}:9100`,
      zone: this.#options.zoneOf?.(number),
      featureVersionMax: this.#knownBy(number),
    };
  }

  /** A machine is a node from now on, with empty disks; `guide` tells it where the others are. */
  letIn({ storeId }: JoinCommand, { nodeId, systemReplicaId }: JoinReply, guide: NodeCore): NodeId {
    assert(!this.#machines.has(nodeId), `Node ${nodeId} is there already`);
    const { clusterId } = this.plan;
    this.#addMachine(nodeId, storeId, {
      ...{ nodeId, clusterId, systemReplicaId },
      ...whereabouts(guide),
    });
    return nodeId;
  }

  /** A node that knows no catalog yet is told where the others are now. */
  guideAnew(nodeId: NodeId, guide: NodeCore): void {
    const machine = must(this.#machines.get(nodeId));
    if (machine.seed !== undefined && machine.core?.catalog.isLoaded === false) {
      machine.seed = { ...machine.seed, ...whereabouts(guide) };
      machine.core.reseed(machine.seed);
    }
  }

  get nodeIds(): readonly NodeId[] {
    return [...this.#machines.keys()];
  }

  /** The running node, if it runs. */
  core(nodeId: NodeId): NodeCore | undefined {
    return this.#machines.get(nodeId)?.core;
  }

  disk(nodeId: NodeId): SimDisk {
    return must(this.#machines.get(nodeId)).disk;
  }

  /** The engine of the node's present life. */
  engine(nodeId: NodeId): MemoryEngine {
    return must(this.#machines.get(nodeId)?.engine);
  }

  /** What the node's engine holds, synced or not. */
  state(nodeId: NodeId): MemoryState {
    return must(this.#machines.get(nodeId)).store.state;
  }

  /** The node's clock and timers in its present life: to skew, to pause. */
  time(nodeId: NodeId): SimTime {
    return must(this.#machines.get(nodeId)?.time);
  }

  /** Runs the simulation until a promise of node code settles. */
  async settle<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    const state = { settled: false };
    const note = (): void => {
      state.settled = true;
    };
    promise.then(note, note);
    await this.scheduler.runUntil(() => state.settled, limitMs);
    assert(state.settled, 'The simulation ran out of time');
    return await promise;
  }

  /** Creates and starts all nodes; resolves when all groups are open. */
  async start(): Promise<void> {
    for (const nodeId of this.nodeIds) {
      await this.boot(nodeId);
    }
    await this.ready();
  }

  async ready(limitMs = 30_000): Promise<boolean> {
    return await this.scheduler.runUntil(
      () => [...this.#machines.values()].every((machine) => machine.core?.groupsReady === true),
      limitMs,
    );
  }

  async boot(nodeId: NodeId): Promise<void> {
    const machine = must(this.#machines.get(nodeId));
    machine.core = await this.settle(this.#begin(machine));
    machine.core.start();
  }

  /** Boots from within the running simulation. `refused` hears why the node would not start. */
  bootSoon(nodeId: NodeId, refused: (error: unknown) => void): void {
    const machine = must(this.#machines.get(nodeId));
    assert(machine.core === undefined, 'A node that runs does not boot');
    const life = machine.boots + 1;
    this.#begin(machine).then(
      (core) => {
        machine.core = core;
        core.start();
      },
      (error: unknown) => {
        // A boot that was cut short by the next crash is nobody's business.
        if (machine.boots === life && machine.time?.stopped === false) {
          refused(error);
        }
      },
    );
  }

  async #begin(machine: Machine): Promise<NodeCore> {
    machine.boots += 1;
    const time = this.scheduler.openTime({ owner: machine.nodeId });
    machine.time = time;
    return await this.#open(machine, time);
  }

  async #open(machine: Machine, time: SimTime): Promise<NodeCore> {
    const bootNonce = `boot-${machine.nodeId}-${machine.boots}`;
    const random: Random = new Prng(this.random.uint32());
    const logger = this.#options.logger?.child({ node: machine.nodeId }) ?? silentLogger;
    const engine = machine.store.open({
      timers: time,
      delayMs: () => this.#drawMs(this.#tuning.engineMaxMs),
    });
    machine.engine = engine;
    const log = await RaftLog.open({
      disk: machine.disk.mount(),
      directory: 'log',
      storeId: machine.storeId,
      logger,
      segmentBytes: this.#tuning.segmentBytes,
      bootNonce,
    });
    if (log.created) {
      await (machine.seed === undefined
        ? giveBirth(this.plan, machine.nodeId, engine, log)
        : joinBirth(machine.seed, engine, log));
      await log.close();
      return await this.#reopen(machine, time, random, logger, bootNonce, engine);
    }
    return await this.#openCore(machine, time, random, logger, bootNonce, engine, log);
  }

  async #reopen(
    machine: Machine,
    time: SimTime,
    random: Random,
    logger: Logger,
    bootNonce: string,
    engine: MemoryEngine,
  ): Promise<NodeCore> {
    const log = await RaftLog.open({
      disk: machine.disk.mount(),
      directory: 'log',
      storeId: machine.storeId,
      logger,
      segmentBytes: this.#tuning.segmentBytes,
    });
    return await this.#openCore(machine, time, random, logger, bootNonce, engine, log);
  }

  async #openCore(
    machine: Machine,
    time: SimTime,
    random: Random,
    logger: Logger,
    bootId: string,
    engine: MemoryEngine,
    log: RaftLog,
  ): Promise<NodeCore> {
    const { nodeId } = machine;
    const { tickMs, electionTicks, cacheBytes, layerBytesMax } = this.#tuning;
    const network = this.network.open({ nodeId, bootId, timers: time });
    return await NodeCore.open(
      {
        options: {
          nodeId,
          ...{ tickMs, electionTicks, heartbeatTicks: 1, cacheBytes, layerBytesMax },
          compaction: this.#options.compaction,
          uncommittedBytesMax: layerBytesMax,
          commandsMax: 10_000,
          peerOverrides: new Map(),
          seed: machine.seed,
          manages: this.#options.manages,
          featureVersionMax: this.#knownBy(nodeId),
        },
        engine,
        log,
        generations: await Generations.open(engine),
        network,
        clock: time,
        timers: time,
        random,
        logger,
        freeBytes: () => machine.disk.freeBytes('log'),
      },
      {
        failed: (error) => {
          this.failures.push({ nodeId, error });
          this.onFailed?.(nodeId, error);
        },
        outdated: () => {
          this.outdated.add(nodeId);
        },
        removed: () => {
          this.onRemoved?.(nodeId);
        },
      },
    );
  }

  /** Work on the stores of a node that does not run, as a tool does. */
  async offline<T>(nodeId: NodeId, work: (stores: Stores) => Promise<T>): Promise<T> {
    const machine = must(this.#machines.get(nodeId));
    assert(machine.core === undefined, 'A tool works on a node that does not run');
    machine.boots += 1;
    const time = this.scheduler.openTime();
    machine.time = time;
    const run = async (): Promise<T> => {
      const engine = machine.store.open({ timers: time, delayMs: () => 0 });
      const log = await RaftLog.open({
        ...{ disk: machine.disk.mount(), directory: 'log', storeId: machine.storeId },
        ...{ logger: silentLogger, segmentBytes: this.#tuning.segmentBytes },
        bootNonce: `boot-${nodeId}-${machine.boots}`,
      });
      try {
        return await work({ engine, log, generations: await Generations.open(engine) });
      } finally {
        await log.close();
      }
    };
    const result = await this.settle(run());
    time.stop();
    machine.store.kill();
    machine.disk.kill();
    return result;
  }

  /** Node `observer` has been connected with the present boot of `nodeId`. */
  knowsBootOf(observer: NodeId, nodeId: NodeId): boolean {
    const bootNonce = this.core(nodeId)?.parts.log.bootHistory.at(-1);
    return this.#machines.get(observer)?.memory.get(nodeId)?.bootNonce === bootNonce;
  }

  /** A copy of what a node that does not run has on its disks. */
  copyStores(nodeId: NodeId): StoreImages {
    const { core, disk, store } = must(this.#machines.get(nodeId));
    assert(core === undefined, 'A copy is made of a node that does not run');
    return { disk: disk.image(), state: store.state };
  }

  /** The disks of a node that does not run are replaced by an older copy of them. */
  putStoresBack(nodeId: NodeId, images: StoreImages): void {
    const { core, disk, store } = must(this.#machines.get(nodeId));
    assert(core === undefined, 'Disks are changed under a node that does not run');
    disk.restore(images.disk);
    store.restore(images.state);
  }

  /** What the node knows of the members until it has the catalog. */
  reseed(nodeId: NodeId, seed: JoinSeed): void {
    must(this.#machines.get(nodeId)).seed = seed;
  }

  /** Node `host` judges what node `guest` says of itself. */
  #greet(host: NodeId, guest: NodeId): boolean {
    const [ours, theirs] = [host, guest].map((nodeId) => this.#machines.get(nodeId));
    if (ours?.core === undefined || theirs?.core === undefined) {
      return false; // It does not listen yet.
    }
    const seen = ours.memory.get(guest);
    const verdict = judgeHello(
      helloTo(guest, this.#identityOf(ours)),
      helloTo(host, this.#identityOf(theirs)),
      seen,
    );
    if (verdict.accepted) {
      ours.memory.set(guest, verdict.record);
    } else {
      this.refusals.push({ nodeId: guest, by: host, reason: verdict.reason });
    }
    return verdict.accepted;
  }

  #identityOf({ nodeId, storeId, core }: Machine): LocalIdentity {
    const { bootHistory, durablePosition } = must(core).parts.log;
    const { clusterId } = this.plan;
    return { clusterId, nodeId, storeId, bootNonces: bootHistory, logPosition: durablePosition };
  }

  /** The process dies; with `power` also what was not synced. */
  crash(nodeId: NodeId, power: boolean): void {
    const machine = must(this.#machines.get(nodeId));
    machine.core?.halt();
    machine.core = undefined;
    machine.time?.stop();
    this.network.crash(nodeId);
    if (power) {
      machine.store.crash(this.random);
      machine.disk.crash();
    } else {
      machine.store.kill();
      machine.disk.kill();
    }
  }
}
