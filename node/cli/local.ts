/**
 * `dynakv local`: a whole cluster on this machine, one real process a node. It checks everything
 * before it touches anything, starts the nodes, creates the cluster on the first start, waits until
 * writes work through every node, says so, and looks after the nodes until it is told to stop.
 * It is not needed for correctness: nodes outlive nothing but its orders.
 */
import pc from 'picocolors';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import { secondMs } from '../lib/units.ts';
import { ChildNode } from './child-node.ts';
import type { ClusterControl, ConnectControl, IdentityView, InitPlan } from './cluster-control.ts';
import type { LocalCluster, ProcessMark } from './local-data.ts';
import {
  findLeftovers,
  isAlive,
  markProcess,
  newCluster,
  readCluster,
  removeLauncher,
  writeCluster,
  writeLauncher,
} from './local-data.ts';
import type { LocalNode, LocalOptions } from './local-plan.ts';
import {
  clientUrl,
  describeCluster,
  nodeArguments,
  peerEndpoint,
  planInit,
  planNodes,
} from './local-plan.ts';
import { findBusyPort } from './port-probe.ts';
import { waitForWrites } from './write-probe.ts';

export interface LauncherWorld {
  /** Program and first arguments that start `dynakv`. */
  readonly program: readonly [string, ...string[]];
  readonly connect: ConnectControl;
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly newId: () => string;
  /** Stop in order. */
  readonly stop: AbortSignal;
  /** Stop at once: kill. */
  readonly hurry: AbortSignal;
}

const pollMs = 50;
/** Each waits for every member; a birth that takes longer than all of them is no birth. */
const initAttemptsMax = 3;
/** A node may replay a long log before it answers. */
const startMsMax = 10 * 60 * secondMs;
/** Longer than a node takes to stop in order. */
const leftoverMsMax = 15 * secondMs;

/** Runs the cluster until `world.stop`; resolves to the exit code. */
export async function runLocal(options: LocalOptions, world: LauncherWorld): Promise<number> {
  const nodes = planNodes(options);
  const cluster = await checkStart(options, nodes, world);
  const launcher = new Launcher(options, world, nodes, cluster);
  try {
    await launcher.start();
    await launcher.watch();
    return world.stop.aborted ? 0 : 1;
  } finally {
    await launcher.stop();
  }
}

/** Every reason not to start, before anything is written. */
async function checkStart(
  options: LocalOptions,
  nodes: readonly LocalNode[],
  world: LauncherWorld,
): Promise<LocalCluster> {
  const known = readCluster(options);
  const leftovers = findLeftovers(options.dataFolder);
  if (leftovers.length > 0) {
    world.write('Waiting for the nodes of an earlier run to end …\n');
    await endLeftovers(leftovers);
  }
  const ports = nodes.flatMap((node) => [node.clientPort, node.peerPort, node.opsPort]);
  const busy = await findBusyPort('127.0.0.1', ports);
  if (busy !== undefined) {
    throw new DynakvError(
      'Refused',
      `Cannot use port ${busy}: another process holds it; stop that one, or move all ports with ` +
        'PORT= (clients at PORT, peers at PORT-1000, operations at PORT+1100)',
    );
  }
  return known ?? newCluster(options, world.newId());
}

async function endLeftovers(leftovers: readonly ProcessMark[]): Promise<void> {
  for (const mark of leftovers) {
    if (isAlive(mark)) {
      process.kill(mark.pid, 'SIGTERM');
      process.kill(mark.pid, 'SIGCONT');
    }
  }
  const giveUpMs = performance.now() + leftoverMsMax;
  while (leftovers.some(isAlive)) {
    if (performance.now() > giveUpMs) {
      const pids = leftovers.filter(isAlive).map((mark) => mark.pid);
      throw new DynakvError(
        'Refused',
        `Cannot start: nodes of an earlier run do not end: process ${pids.join(', ')}`,
      );
    }
    await pause(pollMs);
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

class Launcher {
  readonly #options: LocalOptions;
  readonly #world: LauncherWorld;
  readonly #nodes: readonly LocalNode[];
  readonly #children: readonly ChildNode[];
  #cluster: LocalCluster;
  #isStopping = false;

  constructor(
    options: LocalOptions,
    world: LauncherWorld,
    nodes: readonly LocalNode[],
    cluster: LocalCluster,
  ) {
    this.#options = options;
    this.#world = world;
    this.#nodes = nodes;
    this.#cluster = cluster;
    this.#children = nodes.map((node) => this.#newChild(node));
  }

  async start(): Promise<void> {
    const { dataFolder } = this.#options;
    this.#say(`Starting ${this.#nodes.length} node(s), data in ${dataFolder} …`);
    writeCluster(dataFolder, this.#cluster);
    for (const child of this.#children) {
      child.start();
    }
    const found = await Promise.all(
      this.#nodes.map(async (node, place) => {
        const identity = await this.#waitForNode(node, this.#children[place]);
        return { node, identity };
      }),
    );
    if (this.#world.stop.aborted) {
      return;
    }
    for (const { node, identity } of found) {
      this.#checkIdentity(node, identity);
    }
    for (const child of this.#children) {
      child.markUp();
    }
    await this.#initialize();
    const serving = found.filter(
      ({ identity }) => identity.state === 'member' || identity.state === 'empty',
    );
    await this.#waitForWrites(serving.map(({ node }) => node));
    if (!this.#world.stop.aborted) {
      const first = this.#nodes[0];
      this.#world.write(`${describeCluster(this.#nodes, this.#options)}\n`);
      this.#world.write(`ready ${first === undefined ? '' : clientUrl(first)}\n`);
    }
  }

  /** Until it is told to stop, or no node is left that could run. */
  async watch(): Promise<void> {
    while (!this.#world.stop.aborted && this.#children.some((each) => each.mode !== 'failed')) {
      await pause(pollMs);
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#children.some((child) => child.pid !== undefined)) {
      this.#say('Stopping the nodes …');
    }
    await Promise.all(this.#children.map(async (child) => await child.stop(this.#world.hurry)));
    removeLauncher(this.#options.dataFolder);
    this.#say('Stopped.');
  }

  #newChild(node: LocalNode): ChildNode {
    const { isTerminal, program, environment } = this.#world;
    const nodeOptions = {
      logFormat: isTerminal ? 'pretty' : 'json',
      // The addresses in the catalog are those of the first start.
      overrides: this.#cluster.port === this.#options.port ? [] : this.#nodes,
      more: this.#options.nodeArguments,
    } as const;
    return new ChildNode({
      name: node.name,
      command: [...program, ...nodeArguments(node, nodeOptions)],
      environment: isTerminal ? { ...environment, FORCE_COLOR: '1' } : environment,
      onLine: (line) => {
        this.#world.write(`${this.#label(node, line)}\n`);
      },
      onChange: () => {
        this.#record();
      },
      onNotice: (text) => {
        this.#say(isTerminal ? pc.yellow(text) : text);
      },
    });
  }

  /** A line of a node: JSON stays JSON and says whose it is, other text gets the name in front. */
  #label(node: LocalNode, line: string): string {
    if (line.startsWith('{"')) {
      return `{"process":"${node.name}",${line.slice(1)}`;
    }
    return `${this.#world.isTerminal ? pc.cyan(node.name) : node.name} | ${line}`;
  }

  #say(text: string): void {
    this.#world.write(`${text}\n`);
  }

  /** Who runs, so that a later launcher can tell what this one may leave behind. */
  #record(): void {
    const launcher = markProcess(process.pid);
    if (launcher !== undefined && !this.#isStopping) {
      const marks = this.#children.map((child) =>
        child.pid === undefined ? undefined : markProcess(child.pid),
      );
      const nodes = marks.filter((mark) => mark !== undefined);
      writeLauncher(this.#options.dataFolder, { launcher, nodes });
    }
  }

  /** Asks a node who it is until it answers. */
  async #waitForNode(node: LocalNode, child: ChildNode | undefined): Promise<IdentityView> {
    const giveUpMs = performance.now() + startMsMax;
    while (!this.#world.stop.aborted) {
      const failed = this.#children.find((each) => each.mode === 'failed');
      if (failed !== undefined || child === undefined) {
        throw new DynakvError('Refused', `Cannot start: ${failed?.name ?? node.name} has ended`);
      }
      const control = this.#world.connect(peerEndpoint(node));
      try {
        const identity = await control.identify();
        this.#say(`${node.name} is up`);
        return identity;
      } catch (error) {
        if (performance.now() > giveUpMs) {
          throw new DynakvError('Unavailable', `Cannot start: ${node.name}: ${messageOf(error)}`);
        }
      } finally {
        control.close();
      }
      await pause(pollMs);
    }
    return { state: 'empty', clusterId: '', nodeId: 0 };
  }

  #checkIdentity(node: LocalNode, identity: IdentityView): void {
    const { clusterId, initialized } = this.#cluster;
    if (identity.clusterId !== '' && identity.clusterId !== clusterId) {
      throw new DynakvError(
        'WrongCluster',
        `Cannot start: the data in ${node.dataFolder} belong to cluster ${identity.clusterId}, ` +
          `not to ${clusterId}`,
      );
    }
    if (identity.state === 'quarantined') {
      this.#say(`${node.name} is quarantined and serves nothing: its log says why`);
    }
    if (identity.state === 'empty' && initialized) {
      this.#say(`${node.name} has lost its data: it cannot rejoin under its old id`);
    }
  }

  /** Creates the cluster, once. Broken off before it was recorded, the same plan is told again. */
  async #initialize(): Promise<void> {
    const first = this.#nodes[0];
    if (first === undefined || this.#cluster.initialized) {
      return;
    }
    this.#say('Creating the cluster …');
    const control = this.#world.connect(peerEndpoint(first));
    try {
      await this.#tellPlan(control, planInit(this.#nodes, this.#cluster));
    } finally {
      control.close();
    }
    // The addresses recorded now are those of this start.
    this.#cluster = { ...this.#cluster, initialized: true, port: this.#options.port };
    writeCluster(this.#options.dataFolder, this.#cluster);
  }

  /** Until every member has the plan: one that was told it before answers so. */
  async #tellPlan(control: ClusterControl, plan: InitPlan): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await control.init(plan);
        return;
      } catch (error) {
        const isFinal = isDynakvError(error) && error.retry === 'never';
        if (isFinal || attempt >= initAttemptsMax || this.#world.stop.aborted) {
          throw error;
        }
      }
      await pause(pollMs);
    }
  }

  async #waitForWrites(nodes: readonly LocalNode[]): Promise<void> {
    this.#say('Waiting until writes work …');
    const over = new AbortController();
    const watch = setInterval(() => {
      const failed = this.#children.every((child) => child.mode === 'failed');
      if (this.#world.stop.aborted || failed) {
        over.abort();
      }
    }, pollMs);
    try {
      await Promise.all(
        nodes.map(async (node) => {
          await waitForWrites(clientUrl(node), node.name, over.signal);
        }),
      );
    } finally {
      clearInterval(watch);
    }
    if (over.signal.aborted && !this.#world.stop.aborted) {
      throw new DynakvError('Unavailable', 'Cannot start: every node has ended');
    }
  }
}
