/**
 * What the storms on whole clusters share: a cluster under checked clients and a watch, mishaps
 * drawn from the seed, and the calm at the end in which everything must be there: all groups
 * serve, the history is linearizable, no acknowledged row is lost, replicas hold the same bytes.
 */
import { assert } from '../../lib/assert.ts';
import { Prng } from '../../lib/prng.ts';
import type { NodeId } from '../../sys/network.ts';
import { GroupWatch } from '../checkers/group-watch.ts';
import { checkLinearizable } from '../checkers/linearizability.ts';
import { SimCluster } from '../cluster.ts';
import type { SimClusterOptions } from '../cluster.ts';
import { History } from '../history.ts';
import { StepChecks } from '../invariants/step-checks.ts';
import { RegisterClients } from '../register-clients.ts';
import { isQuiet, replicaProblem } from '../swarm/final-checks.ts';

/** Operations without which a run proves nothing. */
const operationsMin = 1;
const settleMs = 40_000;

export interface WeatherOptions extends SimClusterOptions {
  readonly keys: readonly string[];
  readonly clients: number;
}

export class ClusterWeather {
  readonly cluster: SimCluster;
  readonly random: Prng;
  readonly watch: GroupWatch;
  /** Every step of every replica against all others. */
  readonly checks: StepChecks;
  /** Nodes whose store is gone for good: the rest must do without. */
  readonly lost = new Set<NodeId>();
  readonly history = new History();
  readonly clients: RegisterClients;
  readonly #clientCount: number;

  constructor(options: WeatherOptions) {
    this.cluster = new SimCluster(options);
    this.random = new Prng(options.seed ^ 0x5702);
    this.watch = new GroupWatch(this.cluster);
    this.checks = new StepChecks(this.cluster);
    const keys = new Prng(options.seed ^ 0xc11e);
    this.clients = new RegisterClients(this.cluster, this.history, keys, options.keys);
    this.#clientCount = options.clients;
  }

  async start(): Promise<void> {
    this.checks.watch();
    await this.cluster.start();
    this.clients.start(this.#clientCount);
  }

  /** Frames are lost, doubled and overtaken, each kind in some runs only. */
  rain(): void {
    const { random, cluster } = this;
    const often = (chance: number): number => (random.chance(0.5) ? random.below(100) * chance : 0);
    cluster.network.options = {
      ...cluster.network.options,
      delayMaxMs: random.pick([1, 5, 40]),
      dropChance: often(0.001),
      duplicateChance: often(0.001),
      reorderChance: often(0.002),
    };
  }

  async runFor(msMax: number): Promise<void> {
    await this.cluster.scheduler.runFor(this.random.below(msMax));
  }

  /** Crashes some nodes at once, by kill or power cut, and boots them again. */
  async crash(victims: readonly NodeId[], downMsMax: number): Promise<void> {
    for (const victim of victims) {
      this.cluster.crash(victim, this.random.chance(0.6));
    }
    await this.runFor(downMsMax);
    for (const victim of victims) {
      await this.cluster.boot(victim);
    }
  }

  /** Something goes wrong for at most `msMax`; one node alone is down for at most `downMsMax`. */
  async mishap(msMax: number, downMsMax = msMax): Promise<void> {
    const { cluster, random } = this;
    const { nodeIds } = cluster;
    const victim = random.pick(nodeIds);
    const others = nodeIds.filter((nodeId) => nodeId !== victim);
    const dice = random.below(100);
    if (dice < 30) {
      await this.crash([victim], downMsMax);
    } else if (dice < 40) {
      await this.crash(nodeIds, msMax / 8);
    } else if (dice < 50) {
      await this.crash(others, msMax / 4);
    } else if (dice < 65) {
      cluster.network.partition([victim], others);
      await this.runFor(msMax);
      cluster.network.heal();
    } else if (dice < 80) {
      const [from, to] = random.chance(0.5) ? [[victim], others] : [others, [victim]];
      for (const one of from) {
        for (const other of to) {
          cluster.network.cutOneWay(one, other);
        }
      }
      await this.runFor(msMax);
      cluster.network.heal();
    } else if (dice < 90) {
      cluster.time(victim).pause();
      await this.runFor(msMax);
      cluster.time(victim).resume();
    } else {
      this.#transfer(victim);
    }
  }

  /** A leader hands over to a node. */
  #transfer(to: NodeId): void {
    for (const nodeId of this.cluster.nodeIds) {
      const host = this.cluster.core(nodeId)?.host;
      for (const group of host?.groups.values() ?? []) {
        const target = [...group.nodes].find(([, where]) => where === to)?.[0];
        if (group.isLeader && target !== undefined && nodeId !== to) {
          group.raw.transferLeader(target);
          host?.dirty(group);
        }
      }
    }
  }

  /** Everything heals, clients go on for at most `goOnMsMax`; then everything is looked at. */
  async calm(goOnMsMax = 1_000): Promise<void> {
    const { cluster, clients } = this;
    const { network, scheduler } = cluster;
    network.heal();
    network.options = {
      ...network.options,
      ...{ delayMaxMs: 1, dropChance: 0, duplicateChance: 0, reorderChance: 0 },
    };
    await this.runFor(goOnMsMax);
    clients.stop();
    for (const nodeId of this.lost) {
      cluster.crash(nodeId, false); // It had its chance to do harm.
    }
    assert(await scheduler.runUntil(() => this.#isReady(), settleMs), 'Groups do not open');
    const isIdle = await scheduler.runUntil(() => clients.underWay === 0, settleMs);
    assert(isIdle, 'Operations neither end nor expire');
    const rests = await scheduler.runUntil(() => isQuiet(cluster), settleMs);
    assert(rests, 'Replicas do not catch up');
    const failures = cluster.failures.filter(({ nodeId }) => !this.lost.has(nodeId));
    const failed = failures.map(({ nodeId, error }) => `${nodeId}: ${String(error)}`);
    assert(failed.length === 0, `Stores failed: ${failed.join(', ')}`);
    this.watch.look();
    assert(clients.done >= operationsMin, `Only ${clients.done} operations ended`);
    const verdict = checkLinearizable(this.history.operations());
    assert(
      verdict.kind === 'linearizable',
      `Not linearizable: ${verdict.kind === 'linearizable' ? '' : verdict.explanation}`,
    );
    this.checks.checkAllRows();
    this.checks.checkAllMemory();
    const differs = replicaProblem(cluster);
    assert(differs === undefined, differs);
    this.watch.stop();
  }

  #isReady(): boolean {
    return this.cluster.nodeIds.every(
      (nodeId) => this.lost.has(nodeId) || this.cluster.core(nodeId)?.groupsReady === true,
    );
  }
}
