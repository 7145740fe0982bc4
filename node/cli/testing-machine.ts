/** A simulated machine that a node's stores lie on: for tests of births, starts and recoveries. */
import type { NodeOptions } from '../config/options.ts';
import { parseNodeOptions } from '../config/parse-options.ts';
import { Prng } from '../lib/prng.ts';
import type { BootstrapPlan } from '../manager/bootstrap.ts';
import { SimDisk } from '../sim/disk.ts';
import { DataFolder } from '../storage/data-folder.ts';
import { MemoryStore } from '../storage/memory-store.ts';
import type { Engine } from '../sys/engine.ts';
import { silentLogger } from '../sys/log.ts';
import { realTimers } from '../sys/real/timers.ts';
import { bearNode, openNodeStore } from './node-store.ts';
import type { NodeStore } from './node-store.ts';
import type { NodeWorld } from './node-world.ts';

export const path = '/data';
export const plan: BootstrapPlan = {
  clusterId: 'c1',
  members: [1, 2, 3].map((nodeId) => ({
    nodeId,
    address: `n${nodeId}:7000`,
    clientAddress: `n${nodeId}:8000`,
    opsAddress: `n${nodeId}:9100`,
  })),
  shardCount: 2,
  replicationFactor: 3,
  createdAtMs: 1_700_000_000_000,
};

export function nodeOptions(): NodeOptions {
  const parsed = parseNodeOptions(['--log-segment-bytes', '1M'], {});
  if (!parsed.ok) {
    throw new Error(parsed.problems.join('\n'));
  }
  return parsed.options;
}

export class Machine {
  readonly nodeId: number;
  readonly sim: SimDisk;
  readonly #birth: BootstrapPlan;
  readonly random: Prng;
  #store = new MemoryStore();

  constructor(seed: number, nodeId = 1, birth = plan) {
    this.nodeId = nodeId;
    this.#birth = birth;
    this.sim = new SimDisk({ seed });
    this.random = new Prng(seed);
  }

  /** The parts of a process that starts now. */
  world(): NodeWorld {
    const disk = this.sim.mount();
    const openEngine = async ({ directory }: { directory: string }): Promise<Engine> => {
      await disk.makeDirectory(directory);
      if (!(await disk.exists(`${directory}/CURRENT`))) {
        this.#store = new MemoryStore();
        await (await disk.open(`${directory}/CURRENT`, 'create')).close();
        await disk.syncDirectory(directory);
      }
      return this.#store.open({ timers: realTimers, delayMs: () => 0 });
    };
    return {
      version: 'test',
      disk,
      lock: { acquire: () => Promise.resolve(() => Promise.resolve()) },
      clock: { monotonicMs: () => 0, wallMs: () => 1_700_000_000_000 },
      timers: realTimers,
      random: this.random,
      logger: silentLogger,
      openEngine,
      stop: new AbortController().signal,
    };
  }

  crash(): void {
    this.#store.crash(this.random);
    this.sim.crash();
  }

  async bear(): Promise<void> {
    const world = this.world();
    const folder = await DataFolder.open({ ...world, path });
    await bearNode(world, nodeOptions(), folder, this.#birth, this.nodeId);
    await folder.close();
  }

  /** Opens as a start does; undefined if the folder holds no member. */
  async open(): Promise<NodeStore | undefined> {
    const world = this.world();
    const folder = await DataFolder.open({ ...world, path });
    return folder.identity === undefined
      ? undefined
      : await openNodeStore(world, nodeOptions(), folder, () => undefined);
  }
}
