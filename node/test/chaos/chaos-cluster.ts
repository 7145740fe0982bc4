/**
 * A cluster of real processes with a hand on everything around them: a proxy on every link between
 * two nodes (one for each direction of dialling) and in front of every client port, a small disk
 * under each node where one can be mounted, a wall clock that can be set wrong, and a journal of
 * what each made durable, for power losses. The nodes run the program that users run.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from '../../lib/assert.ts';
import { Prng } from '../../lib/prng.ts';
import { mebibyte } from '../../lib/units.ts';
import type { AdoptedNode } from '../processes/cluster.ts';
import { outFolder, peerPortShift, ProcessCluster } from '../processes/cluster.ts';
import { LinkProxy, openLink } from './link-proxy.ts';
import type { LinkState } from './link-proxy.ts';
import type { PowerLoss } from './power-loss.ts';
import { losePower } from './power-loss.ts';
import type { ShimControl } from './shim-control.ts';
import { calmControl } from './shim-control.ts';
import { SmallDisk } from './small-disk.ts';

/** Room for a node's log and rows of a long run, and little enough to fill in a moment. */
const diskBytes = 384 * mebibyte;
/** Small segments: a full disk is noticed when the next one cannot be made. */
const segmentBytes = 2 * mebibyte;
/** Less than a segment: the log is refused one while RocksDB still finds room for its own. */
const leftBytes = 1.5 * mebibyte;

/** On a machine that has much else to do. */
const startMsMax = 180_000;

const shim = fileURLToPath(new URL('./node-shim.ts', import.meta.url));

interface Stage {
  readonly name: string;
  readonly folder: string;
  readonly peers: Map<string, LinkProxy>;
  readonly clients: Map<number, LinkProxy>;
  readonly disks: Map<number, SmallDisk>;
}

export class ChaosCluster {
  readonly nodeCount: number;
  readonly #stage: Stage;
  #cluster: ProcessCluster | undefined;
  readonly #controls = new Map<number, ShimControl>();

  private constructor(nodeCount: number, stage: Stage) {
    this.nodeCount = nodeCount;
    this.#stage = stage;
  }

  static async start(options: {
    readonly name: string;
    readonly nodes: number;
  }): Promise<ChaosCluster> {
    const { name, nodes } = options;
    const folder = join(outFolder, 'chaos', `${name}-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    const maps = { peers: new Map(), clients: new Map(), disks: new Map() };
    const chaos = new ChaosCluster(nodes, { name, folder, ...maps });
    try {
      await chaos.#start();
    } catch (error) {
      await chaos.stop();
      throw error;
    }
    return chaos;
  }

  /** The processes: kill, restart, pause, ready. */
  get processes(): ProcessCluster {
    return must(this.#cluster, 'The cluster runs');
  }

  nodes(): readonly number[] {
    return Array.from({ length: this.nodeCount }, (_, index) => index + 1);
  }

  /** Through the node's client proxy. */
  clientUrl(node: number): string {
    return `http://127.0.0.1:${must(this.#stage.clients.get(node)).port}`;
  }

  /** Whether full disks are real. */
  get hasSmallDisks(): boolean {
    return this.#stage.disks.size > 0;
  }

  /** The connections that `from` dials to `to`: what either says to the other on them. */
  setLink(from: number, to: number, state: LinkState): void {
    must(this.#stage.peers.get(`${from}-${to}`)).set(state);
  }

  setClientLink(node: number, state: LinkState): void {
    must(this.#stage.clients.get(node)).set(state);
  }

  /** The node's wall clock is off by so much; true time does not change. */
  setWallOffset(node: number, wallOffsetMs: number): void {
    this.#control(node, { wallOffsetMs });
  }

  fillDisk(node: number): void {
    const disk = this.#stage.disks.get(node);
    if (disk === undefined) {
      this.#control(node, { diskFull: true });
    } else {
      disk.fill(leftBytes);
    }
  }

  freeDisk(node: number): void {
    this.#stage.disks.get(node)?.free();
    this.#control(node, { diskFull: false });
  }

  /** What a power cut would have left of a dead node's data. */
  losePower(node: number, seed: number): PowerLoss {
    const { journal, data } = this.#files(node);
    return losePower({ journal, walFolder: join(data, 'rows'), prng: new Prng(seed) });
  }

  /** Everything as it should be, except that dead nodes stay dead. */
  heal(): void {
    for (const proxy of [...this.#stage.peers.values(), ...this.#stage.clients.values()]) {
      proxy.set(openLink);
    }
    for (const node of this.nodes()) {
      this.freeDisk(node);
      this.setWallOffset(node, 0);
    }
  }

  async stop(): Promise<void> {
    const { peers, clients, disks, folder } = this.#stage;
    await this.#cluster?.stop();
    await Promise.all([...peers.values(), ...clients.values()].map((proxy) => proxy.stop()));
    for (const disk of disks.values()) {
      disk.unmount();
    }
    if (process.env['KEEP'] === undefined) {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    const { name, folder, disks } = this.#stage;
    for (const node of this.nodes()) {
      const disk = SmallDisk.mount(join(folder, `disk-${node}`), diskBytes);
      if (disk !== undefined) {
        disks.set(node, disk);
      }
      this.#control(node, { lies: process.env['BREAK'] === 'ack-before-sync' });
    }
    let firstPort = 0;
    this.#cluster = await ProcessCluster.start({
      name,
      nodes: this.nodeCount,
      ownsNodes: true,
      startMsMax,
      data: join(folder, 'data'),
      // The proxies stand before the nodes start again behind them.
      onSpawn: (port) => {
        firstPort = port;
      },
      adopt: async (node, commandLine) => {
        if (this.#stage.clients.size === 0) {
          await this.#startProxies(firstPort);
        }
        return this.#adopt(node, commandLine);
      },
    });
  }

  async #startProxies(firstPort: number): Promise<void> {
    const { peers, clients } = this.#stage;
    for (const to of this.nodes()) {
      const clientPort = firstPort + to - 1;
      clients.set(to, await LinkProxy.start(clientPort));
      for (const from of this.nodes().filter((each) => each !== to)) {
        peers.set(`${from}-${to}`, await LinkProxy.start(clientPort + peerPortShift));
      }
    }
  }

  /** The same program with the shim before it, its peers behind proxies, its data on its disk. */
  #adopt(node: number, commandLine: readonly string[]): AdoptedNode {
    const { journal, control, data } = this.#files(node);
    const [program = '', ...rest] = commandLine;
    const given = rest.find((each) => each.startsWith('--data='))?.slice('--data='.length) ?? '';
    if (given !== data) {
      cpSync(given, data, { recursive: true });
    }
    const overrides = this.nodes()
      .filter((each) => each !== node)
      .map((to) => `${to}=127.0.0.1:${must(this.#stage.peers.get(`${node}-${to}`)).port}`);
    const args = rest.map((each) => (each.startsWith('--data=') ? `--data=${data}` : each));
    return {
      commandLine: [
        program,
        `--import=${shim}`,
        ...args,
        `--log-segment-bytes=${segmentBytes}`,
        `--peer-overrides=${overrides.join(',')}`,
      ],
      env: {
        CHAOS_JOURNAL: journal,
        CHAOS_CONTROL: control,
        CHAOS_WAL: join(data, 'rows'),
      },
    };
  }

  #files(node: number): {
    readonly journal: string;
    readonly control: string;
    readonly data: string;
  } {
    const { folder, disks } = this.#stage;
    const disk = disks.get(node);
    return {
      journal: join(folder, `journal-${node}`),
      control: join(folder, `control-${node}.json`),
      data: disk === undefined ? join(folder, 'data', `n${node}`) : join(disk.folder, 'data'),
    };
  }

  #control(node: number, change: Partial<ShimControl>): void {
    const control = { ...calmControl, ...this.#controls.get(node), ...change };
    this.#controls.set(node, control);
    writeFileSync(this.#files(node).control, JSON.stringify(control));
  }
}
