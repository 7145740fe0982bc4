/**
 * A managed cluster with clients that read and write all the while, and everything that must hold
 * of it in the end: the frame of every scenario of membership. Clients are calm, so that minutes of
 * a scenario cost seconds.
 *
 * `end` throws a sentence for the first promise that is broken: a history that is not linearizable,
 * a value lost, a store that failed, a placement that the planner would not leave as it is.
 */
import { assert } from '../../lib/assert.ts';
import { isDynakvError } from '../../lib/errors.ts';
import { Prng } from '../../lib/prng.ts';
import { planShards } from '../../shards/planner.ts';
import type { Logger } from '../../sys/log.ts';
import type { NodeId } from '../../sys/network.ts';
import { checkLinearizable } from '../checkers/linearizability.ts';
import type { SimClusterOptions } from '../cluster.ts';
import { History } from '../history.ts';
import { ManagedCluster } from '../managed-cluster.ts';
import { RegisterClients, kvPut, kvTarget } from '../register-clients.ts';

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const clientCount = 4;
const pauseMsMax = 400;
const callMs = 10_000;
/** So small that a follower that was away for a moment needs a snapshot. */
const tinyLogs = { keepBytes: 1_024, catchUpBytesMax: 4_096 };

export interface WatchedOptions extends Partial<Omit<SimClusterOptions, 'seed'>> {
  readonly logger?: Logger;
}

/** What a scenario did, so that its test can demand that it did something. */
export interface ScenarioReport {
  readonly operations: number;
  readonly movesDone: number;
}

export class WatchedCluster {
  readonly managed: ManagedCluster;
  readonly random: Prng;
  readonly #history = new History();
  readonly #clients: RegisterClients;
  /** Put and acknowledged, beside what the clients do. */
  readonly #kept = new Map<string, string>();

  private constructor(seed: number, options: WatchedOptions) {
    this.managed = new ManagedCluster({
      ...{ seed, nodes: 4, shards: 4, compaction: tinyLogs },
      ...options,
    });
    this.random = new Prng(seed ^ 0x5ce7);
    const { sim } = this.managed;
    const random = new Prng(seed ^ 0xc11e);
    this.#clients = new RegisterClients(sim, this.#history, random, keys, pauseMsMax);
  }

  /** All groups open, some values kept, clients under way. */
  static async start(seed: number, options: WatchedOptions = {}): Promise<WatchedCluster> {
    const watched = new WatchedCluster(seed, options);
    await watched.managed.sim.start();
    await watched.keep(12, 300);
    watched.#clients.start(clientCount);
    return watched;
  }

  get sim(): ManagedCluster['sim'] {
    return this.managed.sim;
  }

  async pass(ms: number): Promise<void> {
    await this.sim.scheduler.runFor(ms);
  }

  /** Puts values that must be there in the end. */
  async keep(count: number, bytes: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const id = `kept${this.#kept.size}`;
      const json = `"${id}-${'x'.repeat(bytes)}"`;
      await this.#untilDone(id, json);
      this.#kept.set(id, json);
    }
  }

  /** Unknown outcomes of the same value may be repeated. */
  async #untilDone(id: string, json: string): Promise<void> {
    for (let attempt = 0; attempt < 20; attempt++) {
      const { router } = this.managed.any();
      const call = { deadlineMs: this.sim.scheduler.nowMs + callMs, requestId: 'keep' };
      try {
        await this.sim.settle(router.execute(kvPut(id, json), call));
        return;
      } catch (error) {
        assert(isDynakvError(error), `Cannot put "${id}": ${String(error)}`);
      }
      await this.pass(500);
    }
    throw new Error(`Cannot put "${id}": not acknowledged in 20 attempts`);
  }

  /** The value of a key by a strong read, as it was put; undefined: none. */
  async read(id: string): Promise<string | undefined> {
    const { router } = this.managed.any();
    const call = { deadlineMs: this.sim.scheduler.nowMs + callMs, requestId: 'read' };
    const command = { ...kvTarget(id), kind: 'get', consistent: true } as const;
    const reply = await this.sim.settle(router.execute(command, call));
    return reply.kind === 'got' && reply.found !== undefined
      ? (JSON.parse(reply.found.item.toString('utf8')) as { json: { S: string } }).json.S
      : undefined;
  }

  async setGrace(deadNodeGraceMs: number): Promise<void> {
    const settings = { deadNodeGraceMs };
    await this.managed.change({ op: 'updateSettings', settings, allowLowerReplication: false });
  }

  /** Ends the process that manages, for a while. */
  async crashManager(): Promise<NodeId | undefined> {
    const nodeId = this.managed.manager?.host.nodeId;
    if (nodeId !== undefined) {
      this.sim.crash(nodeId, this.random.chance(0.5));
      await this.pass(this.random.below(3_000));
      await this.sim.boot(nodeId);
    }
    return nodeId;
  }

  /** Comes to rest and judges; `lost`: ids that nobody promised any more. */
  async end(): Promise<ScenarioReport> {
    const { managed, sim } = this;
    await managed.settle();
    this.#clients.stop();
    const isQuiet = await sim.scheduler.runUntil(() => this.#clients.underWay === 0, 60_000);
    assert(isQuiet, 'The clients come to rest');
    assert(sim.failures.length === 0, `No store fails: ${JSON.stringify(sim.failures)}`);
    for (const [id, value] of this.#kept) {
      const found = await this.read(id);
      assert(found === value, `"${id}" is there: found ${String(found?.slice(0, 40))}`);
    }
    const verdict = checkLinearizable(this.#history.operations());
    assert(verdict.kind === 'linearizable', `Linearizable: ${JSON.stringify(verdict)}`);
    this.#judgePlacement();
    return { operations: this.#clients.done, movesDone: managed.catalog.plan.movesDone };
  }

  /** The planner, asked about what is there, would move nothing. */
  #judgePlacement(): void {
    const view = this.managed.manager?.manager.view();
    assert(view !== undefined, 'A node manages');
    const copies = planShards({ view }).moves.filter(({ kind }) => kind !== 'transfer');
    assert(
      copies.length === 0,
      `The placement is at rest: ${copies.map(({ id }) => id).join(' ')}`,
    );
    for (const groupId of this.managed.shardIds) {
      const voters = this.managed.held(groupId)?.voters.length ?? 0;
      const { effectiveFactor } = this.managed.catalog.cluster;
      assert(
        voters === effectiveFactor,
        `Group ${groupId} has ${voters} of ${effectiveFactor} copies`,
      );
    }
  }
}
