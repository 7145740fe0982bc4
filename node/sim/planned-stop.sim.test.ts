/**
 * Planned stops and leaderships that come home. Goal: a stop in order leaves no outcome unknown,
 * neither to clients of other nodes nor to the last ones of the node that stops; afterwards each
 * leadership returns to its preferred node. Method: SimCluster with writers through every node;
 * the door of a stopping node closes first, as that of a process does.
 */
import { describe, expect, test } from '@jest/globals';
import { isDynakvError } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import type { NodeCore } from '../manager/node-core.ts';
import { SimCluster } from './cluster.ts';
import { kvPut, kvTarget } from './register-clients.ts';

/** Writers and readers, one request after the other, through the doors that are open. */
class Clients {
  readonly outcomes = new Map<string, number>();
  readonly #cluster: SimCluster;
  readonly #random: Prng;
  readonly #closed = new Set<number>();
  readonly #underWay = new Map<number, number>();
  #running = true;

  constructor(cluster: SimCluster, seed: number) {
    this.#cluster = cluster;
    this.#random = new Prng(seed);
  }

  start(count: number): void {
    for (let i = 0; i < count; i++) {
      void this.#run();
    }
  }

  stop(): void {
    this.#running = false;
  }

  /** No new request goes to the node; resolves when none is under way there. */
  async closeDoor(nodeId: number): Promise<void> {
    this.#closed.add(nodeId);
    await this.#cluster.scheduler.runUntil(() => (this.#underWay.get(nodeId) ?? 0) === 0, 10_000);
  }

  openDoor(nodeId: number): void {
    this.#closed.delete(nodeId);
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#cluster.scheduler.after(ms, resolve);
    });
  }

  async #run(): Promise<void> {
    while (this.#running) {
      await this.#pause(this.#random.below(4));
      const open = this.#cluster.nodeIds.filter(
        (nodeId) => this.#cluster.core(nodeId) !== undefined && !this.#closed.has(nodeId),
      );
      const nodeId = this.#random.pick(open);
      const core = this.#cluster.core(nodeId);
      if (core !== undefined) {
        await this.#request(nodeId, core);
      }
    }
  }

  async #request(nodeId: number, core: NodeCore): Promise<void> {
    const id = `key${this.#random.below(40)}`;
    const command = this.#random.chance(0.7)
      ? kvPut(id, '1')
      : ({ ...kvTarget(id), kind: 'get', consistent: true } as const);
    const call = { deadlineMs: this.#cluster.scheduler.nowMs + 8_000, requestId: 'r' };
    this.#underWay.set(nodeId, (this.#underWay.get(nodeId) ?? 0) + 1);
    const outcome = await core.router.execute(command, call).then(
      (reply): string => reply.kind,
      (error: unknown): string => (isDynakvError(error) ? error.code : String(error)),
    );
    this.#underWay.set(nodeId, (this.#underWay.get(nodeId) ?? 0) - 1);
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }
}

function atHome(cluster: SimCluster): boolean {
  return cluster.nodeIds.every((nodeId) => {
    const core = cluster.core(nodeId);
    return [...(core?.host.groups.values() ?? [])].every((group) => {
      const home = core?.catalog.groups.get(group.groupId)?.preferredLeader;
      return group.leaderNode === home;
    });
  });
}

function ledBy(cluster: SimCluster, nodeId: number): number {
  const groups = [...(cluster.core(nodeId)?.host.groups.values() ?? [])];
  return groups.filter((group) => group.isLeader).length;
}

async function stopNode(cluster: SimCluster, clients: Clients, nodeId: number): Promise<void> {
  await clients.closeDoor(nodeId);
  await cluster.settle(cluster.core(nodeId)?.stop() ?? Promise.resolve());
  cluster.crash(nodeId, false);
}

describe('a planned stop', () => {
  test.each([31, 32, 33, 34, 35, 36])(
    'seed %i: a rolling restart leaves no outcome unknown',
    async (seed) => {
      const cluster = new SimCluster({ seed, nodes: 3, shards: 4 });
      await cluster.start();
      const clients = new Clients(cluster, seed);
      clients.start(4);
      for (const nodeId of [1, 2, 3]) {
        await cluster.scheduler.runFor(500);
        await stopNode(cluster, clients, nodeId);
        await cluster.scheduler.runFor(700);
        await cluster.boot(nodeId);
        expect(await cluster.ready()).toBe(true);
        clients.openDoor(nodeId);
      }
      await cluster.scheduler.runFor(1_000);
      clients.stop();
      await cluster.scheduler.runFor(9_000);
      expect([...clients.outcomes.keys()].sort()).toEqual(['got', 'written']);
      expect(clients.outcomes.get('written')).toBeGreaterThan(500);
      expect(cluster.failures).toEqual([]);
    },
  );

  test('is quick, also when all nodes stop together', async () => {
    const cluster = new SimCluster({ seed: 34, nodes: 3, shards: 8 });
    await cluster.start();
    const startMs = cluster.scheduler.nowMs;
    const stops = cluster.nodeIds.map(
      (nodeId) => cluster.core(nodeId)?.stop() ?? Promise.resolve(),
    );
    await cluster.settle(Promise.all(stops));
    expect(cluster.scheduler.nowMs - startMs).toBeLessThan(2_500);
  });

  test('of the only node needs nobody', async () => {
    const cluster = new SimCluster({ seed: 35, nodes: 1, shards: 2 });
    await cluster.start();
    const startMs = cluster.scheduler.nowMs;
    await cluster.settle(cluster.core(1)?.stop() ?? Promise.resolve());
    expect(cluster.scheduler.nowMs - startMs).toBeLessThan(50);
  });
});

describe('LeaderHome', () => {
  test('leaderships are at home after a start, and again after a crash', async () => {
    const cluster = new SimCluster({ seed: 36, nodes: 3, shards: 8 });
    await cluster.start();
    expect(await cluster.scheduler.runUntil(() => atHome(cluster), 30_000)).toBe(true);
    const led = cluster.nodeIds.map((nodeId) => ledBy(cluster, nodeId));
    expect(Math.max(...led) - Math.min(...led)).toBeLessThanOrEqual(1);
    cluster.crash(2, true);
    await cluster.scheduler.runFor(5_000);
    expect(ledBy(cluster, 1) + ledBy(cluster, 3)).toBe(9);
    await cluster.boot(2);
    expect(await cluster.scheduler.runUntil(() => atHome(cluster), 60_000)).toBe(true);
    expect(cluster.nodeIds.map((nodeId) => ledBy(cluster, nodeId))).toEqual(led);
  });
});
