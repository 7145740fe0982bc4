/**
 * Nodes join, are drained and not drained after all, die for longer than the grace period, return;
 * crashes, cuts and clocks that jump meanwhile, and an operator who asks for what must be refused.
 * In the end the placement is what the planner would leave as it is, and nothing is lost.
 */
import { isDynakvError } from '../../lib/errors.ts';
import { Prng } from '../../lib/prng.ts';
import type { NodeId } from '../../sys/network.ts';
import { GroupWatch } from '../checkers/group-watch.ts';
import { MemberWatch } from '../checkers/member-watch.ts';
import { WatchedCluster } from '../scenarios/watched-cluster.ts';
import type { Storm } from './storm.ts';

const steps = 4;
const nodesMax = 6;
const graceMs = 6_000;
const yearMs = 365 * 86_400_000;
const dayMs = 86_400_000;

class Bench {
  readonly watched: WatchedCluster;
  readonly members: MemberWatch;
  readonly groups: GroupWatch;
  readonly random: Prng;

  constructor(watched: WatchedCluster, random: Prng) {
    this.watched = watched;
    this.random = random;
    this.members = new MemberWatch(watched.sim);
    this.groups = new GroupWatch(watched.sim);
  }

  /** A node that runs and that is no more needed than any other. */
  any(): NodeId {
    const { sim, managed } = this.watched;
    const there = sim.nodeIds.filter(
      (nodeId) => sim.core(nodeId) !== undefined && managed.stateOf(nodeId) !== 'removed',
    );
    return this.random.pick(there);
  }

  async crash(nodeId: NodeId, downMs: number): Promise<void> {
    const { sim } = this.watched;
    this.members.away(nodeId);
    sim.crash(nodeId, this.random.chance(0.7));
    await this.watched.pass(downMs);
    await sim.boot(nodeId);
    this.members.back(nodeId);
  }

  /** What an operator asks for; refusals are answers. */
  async ask(step: () => Promise<unknown>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!isDynakvError(error)) {
        throw error;
      }
    }
  }

  /** A newcomer; often its power fails right after it got its first copy. */
  async grow(): Promise<void> {
    const { managed, sim } = this.watched;
    if (sim.nodeIds.length >= nodesMax) {
      return;
    }
    const nodeId = await managed.grow();
    const hasCopy = (): boolean => (sim.core(nodeId)?.host.groups.size ?? 0) > 1;
    if (this.random.chance(0.7) && (await sim.scheduler.runUntil(hasCopy, 5_000))) {
      await this.watched.pass(this.random.below(200));
      await this.crash(nodeId, this.random.below(1_000));
    }
    await this.watched.pass(this.random.below(3_000));
  }

  /** Moves are begun and called off, and begun again. */
  async callOff(): Promise<void> {
    const { managed } = this.watched;
    const nodeId = this.any();
    await this.ask(() => managed.setState(nodeId, 'draining'));
    for (let i = 0; i < 3; i++) {
      const isUnderWay = (): boolean => managed.manager?.manager.runner.active.size !== 0;
      await managed.sim.scheduler.runUntil(isUnderWay, 5_000);
      await this.watched.pass(this.random.below(80));
      await this.ask(() => managed.change({ op: 'cancelPlan' }));
      await this.watched.pass(this.random.below(5_000));
      await this.ask(() => managed.change({ op: 'startPlan' }));
    }
    await this.ask(() => managed.setState(nodeId, 'active'));
  }

  async drain(): Promise<void> {
    const { managed } = this.watched;
    const nodeId = this.any();
    await this.ask(() => managed.setState(nodeId, 'draining'));
    await this.watched.pass(this.random.below(6_000));
    if (this.random.chance(0.5)) {
      await this.crash(this.any(), this.random.below(1_500));
    }
    await this.ask(() => managed.setState(nodeId, 'active'));
  }

  /** Away for longer than the grace period: dead, replaced if there is a place, and back. */
  async die(): Promise<void> {
    const { managed } = this.watched;
    const nodeId = this.any();
    this.members.away(nodeId);
    managed.sim.crash(nodeId, this.random.chance(0.5));
    await this.watched.pass(graceMs + this.random.below(2 * graceMs));
    await this.ask(() => managed.remove(nodeId));
    if (managed.stateOf(nodeId) !== 'removed') {
      await managed.sim.boot(nodeId);
      this.members.back(nodeId);
    }
  }

  async blink(): Promise<void> {
    await this.crash(this.any(), this.random.below(1_500));
  }

  /** One node is silent for a moment, and clocks jump. */
  async jump(): Promise<void> {
    const { sim } = this.watched;
    const nodeId = this.any();
    const others = sim.nodeIds.filter((one) => one !== nodeId);
    this.members.away(nodeId);
    sim.network.partition([nodeId], others);
    await this.watched.pass(1_500 + this.random.below(1_500));
    for (const one of sim.nodeIds) {
      if (sim.core(one) !== undefined && this.random.chance(0.6)) {
        sim.time(one).setWallSkew(this.random.pick([yearMs, dayMs, -dayMs, 0]));
      }
    }
    await this.watched.pass(500);
    sim.network.heal();
    this.members.back(nodeId);
    await this.watched.pass(1_000);
  }

  async overask(): Promise<void> {
    const { managed } = this.watched;
    await this.ask(() =>
      managed.change({
        op: 'updateSettings',
        settings: {},
        replicationFactor: 1,
        allowLowerReplication: false,
      }),
    );
    await this.ask(() => managed.change({ op: 'removeNode', nodeId: this.any() }));
  }
}

const kinds = [
  'grow',
  'grow',
  'drain',
  'callOff',
  'callOff',
  'die',
  'blink',
  'jump',
  'overask',
] as const;

export const memberStorm: Storm = {
  name: 'member',
  what: 'nodes join, drain, die and return under crashes, jumping clocks and wrong orders',
  async run(seed) {
    const random = new Prng(seed ^ 0x3e3b);
    const options = { nodes: random.pick([3, 4, 4]), shards: 2 };
    const watched = await WatchedCluster.start(seed, options);
    const bench = new Bench(watched, random);
    await watched.setGrace(graceMs);
    for (let step = 0; step < steps; step++) {
      await bench[random.pick(kinds)]();
    }
    await watched.end();
    bench.members.look();
    bench.groups.look();
  },
};
