/**
 * The nodes of a local cluster under one launcher: it starts them, makes them a cluster once, says
 * when writes work, keeps the data folder's record of who belongs to it, and stops them. What
 * people ask of it while it runs is `local-changes.ts`.
 *
 * Invariant: a member is in `cluster.json` before its process is started for the first time, and
 * leaves it only as `removed`.
 */
import pc from 'picocolors';
import { assert } from '../lib/assert.ts';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import { secondMs } from '../lib/units.ts';
import { ChildNode } from './child-node.ts';
import type { ClusterControl, IdentityView, InitPlan } from './cluster-control.ts';
import { pause, pollMs } from './launcher-world.ts';
import type { LauncherWorld } from './launcher-world.ts';
import type { LocalCluster } from './local-data.ts';
import { markProcess, removeLauncher, writeCluster, writeLauncher } from './local-data.ts';
import type { LocalMember, LocalNode, LocalOptions } from './local-plan.ts';
import {
  clientUrl,
  describeCluster,
  nodeArguments,
  peerEndpoint,
  planInit,
  planNode,
  planNodes,
} from './local-plan.ts';
import { waitForWrites } from './write-probe.ts';

/** Each waits for every member; a birth that takes longer than all of them is no birth. */
const initAttemptsMax = 3;
/** A node may replay a long log before it answers. */
const startMsMax = 10 * 60 * secondMs;

export interface LocalProcess {
  readonly node: LocalNode;
  readonly child: ChildNode;
}

export class Launcher {
  readonly options: LocalOptions;
  readonly world: LauncherWorld;
  #processes: readonly LocalProcess[];
  #cluster: LocalCluster;
  #isStopping = false;

  constructor(options: LocalOptions, world: LauncherWorld, cluster: LocalCluster) {
    this.options = options;
    this.world = world;
    this.#cluster = cluster;
    this.#processes = planNodes(options, cluster.members).map((node) => this.#newProcess(node));
  }

  get cluster(): LocalCluster {
    return this.#cluster;
  }

  /** Of members, killed ones included; in order of their places. */
  get processes(): readonly LocalProcess[] {
    return this.#processes;
  }

  async start(): Promise<void> {
    const { dataFolder } = this.options;
    this.say(`Starting ${this.#processes.length} node(s), data in ${dataFolder} …`);
    writeCluster(dataFolder, this.#cluster);
    for (const { child } of this.#processes) {
      child.start();
    }
    const found = await Promise.all(
      this.#processes.map(async (each) => ({ ...each, identity: await this.waitForNode(each) })),
    );
    if (this.world.stop.aborted) {
      return;
    }
    for (const { node, child, identity } of found) {
      this.#checkIdentity(node, identity);
      child.markUp();
    }
    const isBirth = !this.#cluster.initialized;
    await this.#initialize();
    const serving = found.filter(
      ({ identity, node }) => node.nodeId !== 0 && (isBirth || identity.state === 'member'),
    );
    await this.#waitForWrites(serving.map(({ node }) => node));
  }

  /** The last words of a start. */
  greet(): void {
    const first = this.#processes[0];
    if (!this.world.stop.aborted && first !== undefined) {
      const nodes = this.#processes.map(({ node }) => node);
      this.world.write(`${describeCluster(nodes, this.options)}\n`);
      this.world.write(`ready ${clientUrl(first.node)}\n`);
    }
  }

  /** Until it is told to stop, or no node is left that could run. */
  async watch(): Promise<void> {
    const isOver = (): boolean => this.#processes.every(({ child }) => child.mode === 'failed');
    while (!this.world.stop.aborted && !isOver()) {
      await pause(pollMs);
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#processes.some(({ child }) => child.pid !== undefined)) {
      this.say('Stopping the nodes …');
    }
    const { hurry } = this.world;
    await Promise.all(this.#processes.map(async ({ child }) => await child.stop(hurry)));
    removeLauncher(this.options.dataFolder);
    this.say('Stopped.');
  }

  /** Remembers a member that is to come, and gives it a process, not started yet. */
  add(member: LocalMember): LocalProcess {
    assert(this.#cluster.members.every(({ place }) => place !== member.place));
    this.#write({ ...this.#cluster, members: [...this.#cluster.members, member] });
    const added = this.#newProcess(planNode(this.options, member));
    this.#processes = [...this.#processes, added];
    return added;
  }

  /** What became of a member; one that was removed is no process of this cluster any more. */
  change(place: number, change: Partial<Pick<LocalMember, 'nodeId' | 'removed'>>): LocalProcess {
    const members = this.#cluster.members.map((each) =>
      each.place === place ? { ...each, ...change } : each,
    );
    this.#write({ ...this.#cluster, members });
    const before = this.#processes.find(({ node }) => node.place === place);
    const member = members.find((each) => each.place === place);
    assert(before !== undefined && member !== undefined);
    const after = { ...before, node: planNode(this.options, member) };
    this.#processes = member.removed
      ? this.#processes.filter((each) => each !== before)
      : this.#processes.map((each) => (each === before ? after : each));
    this.#record();
    return after;
  }

  say(text: string): void {
    this.world.write(`${text}\n`);
  }

  #write(cluster: LocalCluster): void {
    writeCluster(this.options.dataFolder, cluster);
    this.#cluster = cluster;
  }

  #newProcess(node: LocalNode): LocalProcess {
    const { isTerminal, program, environment } = this.world;
    const { members } = this.#cluster;
    const moved = members.some(({ port }) => port !== this.options.port);
    const nodeOptions = {
      logFormat: isTerminal ? 'pretty' : 'json',
      // The addresses in the catalog are those of each member's first start.
      overrides: moved ? planNodes(this.options, members) : [],
      more: this.options.nodeArguments,
    } as const;
    const child = new ChildNode({
      name: node.name,
      command: [...program, ...nodeArguments(node, nodeOptions)],
      environment: isTerminal ? { ...environment, FORCE_COLOR: '1' } : environment,
      onLine: (line) => {
        this.world.write(`${this.#label(node, line)}\n`);
      },
      onChange: () => {
        this.#record();
      },
      onNotice: (text) => {
        this.say(isTerminal ? pc.yellow(text) : text);
      },
    });
    return { node, child };
  }

  /** A line of a node: JSON stays JSON and says whose it is, other text gets the name in front. */
  #label(node: LocalNode, line: string): string {
    if (line.startsWith('{"')) {
      return `{"process":"${node.name}",${line.slice(1)}`;
    }
    return `${this.world.isTerminal ? pc.cyan(node.name) : node.name} | ${line}`;
  }

  /** Who runs, so that a later launcher can tell what this one may leave behind. */
  #record(): void {
    const launcher = markProcess(process.pid);
    if (launcher !== undefined && !this.#isStopping) {
      const marks = this.#processes.map(({ child }) =>
        child.pid === undefined ? undefined : markProcess(child.pid),
      );
      const nodes = marks.filter((mark) => mark !== undefined);
      const running = this.#processes.filter((_each, index) => marks[index] !== undefined);
      const endpoints = running.map(({ node }) => peerEndpoint(node));
      writeLauncher(this.options.dataFolder, { launcher, nodes, endpoints });
    }
  }

  /** Asks a node who it is until it answers. */
  async waitForNode({ node, child }: LocalProcess): Promise<IdentityView> {
    const giveUpMs = performance.now() + startMsMax;
    while (!this.world.stop.aborted) {
      if (child.mode === 'failed' || child.mode === 'killed') {
        throw new DynakvError('Refused', `Cannot start: ${node.name} has ended`);
      }
      const control = this.world.connect(peerEndpoint(node));
      try {
        const identity = await control.identify();
        this.say(`${node.name} is up`);
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
      this.say(`${node.name} is quarantined and serves nothing: its log says why`);
    }
    if (identity.state === 'removed') {
      this.say(`${node.name} was removed from the cluster and serves nothing`);
    }
    if (identity.state === 'empty' && initialized && node.nodeId !== 0) {
      this.say(
        `${node.name} has lost its data: it cannot rejoin under its old id; add-node gives the ` +
          `cluster another node, then remove ${node.name}`,
      );
    }
  }

  /** Creates the cluster, once. Broken off before it was recorded, the same plan is told again. */
  async #initialize(): Promise<void> {
    const first = this.#processes[0];
    if (first === undefined || this.#cluster.initialized) {
      return;
    }
    this.say('Creating the cluster …');
    const control = this.world.connect(peerEndpoint(first.node));
    const nodes = this.#processes.map(({ node }) => node);
    try {
      await this.#tellPlan(control, planInit(nodes, this.#cluster));
    } finally {
      control.close();
    }
    // The addresses recorded now are those of this start.
    const { port } = this.options;
    const members = this.#cluster.members.map((member) => ({ ...member, port }));
    this.#write({ ...this.#cluster, initialized: true, port, members });
  }

  /** Until every member has the plan: one that was told it before answers so. */
  async #tellPlan(control: ClusterControl, plan: InitPlan): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await control.init(plan);
        return;
      } catch (error) {
        const isFinal = isDynakvError(error) && error.retry === 'never';
        if (isFinal || attempt >= initAttemptsMax || this.world.stop.aborted) {
          throw error;
        }
      }
      await pause(pollMs);
    }
  }

  async #waitForWrites(nodes: readonly LocalNode[]): Promise<void> {
    this.say('Waiting until writes work …');
    const over = new AbortController();
    const watch = setInterval(() => {
      const failed = this.#processes.every(({ child }) => child.mode === 'failed');
      if (this.world.stop.aborted || failed) {
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
    if (over.signal.aborted && !this.world.stop.aborted) {
      throw new DynakvError('Unavailable', 'Cannot start: every node has ended');
    }
  }
}
