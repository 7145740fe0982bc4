/**
 * A cluster of real node processes that grows and shrinks: each is started by itself, made a member
 * by Init or by JoinCluster, activated, drained and removed through the admin API over loopback, as
 * an operator does. It signals only processes that it started.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { AdminClient } from '../../admin/grpc-admin-client.ts';
import { must } from '../../lib/assert.ts';
import { outFolder, repositoryRoot, until } from './cluster.ts';
import { ManagedProcess } from './managed-process.ts';

const callMs = 15_000;

interface GrowingNode {
  readonly place: number;
  readonly folder: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly opsPort: number;
  process: ManagedProcess;
  nodeId: number;
}

export interface GrowingClusterOptions {
  readonly name: string;
  readonly shards: number;
  readonly nodes: number;
  /** Further flags of every node. */
  readonly flags?: readonly string[];
}

export type ClusterStatus = Awaited<ReturnType<AdminClient['status']>>;

export class GrowingCluster {
  readonly #options: GrowingClusterOptions;
  readonly #folder: string;
  readonly #nodes: GrowingNode[] = [];
  #places = 0;

  private constructor(options: GrowingClusterOptions) {
    this.#options = options;
    mkdirSync(join(outFolder, 'data'), { recursive: true });
    this.#folder = mkdtempSync(join(outFolder, 'data', `${options.name}-`));
  }

  /** Starts the first nodes and makes them a cluster. */
  static async start(options: GrowingClusterOptions): Promise<GrowingCluster> {
    const cluster = new GrowingCluster(options);
    for (let i = 0; i < options.nodes; i++) {
      const node = await cluster.#spawn();
      node.nodeId = i + 1;
    }
    const members = cluster.#nodes.map((node) => ({
      nodeId: node.nodeId,
      ...doorsOf(node),
    }));
    await cluster.#ask(must(cluster.#nodes[0]), (client) =>
      client.init({
        clusterId: `c-${process.pid}`,
        members,
        shardCount: options.shards,
        replicationFactor: 3,
        createdAtMs: Date.now(),
      }),
    );
    await cluster.until('every group has a leader', (status) =>
      status.groups.every((group) => group.leaderNodeId !== 0),
    );
    return cluster;
  }

  /** Ids of the nodes that run here. */
  get nodeIds(): readonly number[] {
    return this.#nodes.map((node) => node.nodeId);
  }

  clientUrl(nodeId: number): string {
    return `http://127.0.0.1:${this.#node(nodeId).clientPort}`;
  }

  get clientUrls(): readonly string[] {
    return this.nodeIds.map((nodeId) => this.clientUrl(nodeId));
  }

  #node(nodeId: number): GrowingNode {
    return must(
      this.#nodes.find((node) => node.nodeId === nodeId),
      `Node ${nodeId} is not one of these`,
    );
  }

  async #spawn(ownFolder?: string): Promise<GrowingNode> {
    const [clientPort, peerPort, opsPort] = await freePorts();
    this.#places += 1;
    const place = this.#places;
    const folder = ownFolder ?? join(this.#folder, `p${place}`);
    const node: GrowingNode = {
      ...{ place, folder, clientPort, peerPort, opsPort, nodeId: 0 },
      process: this.#process(place, folder, [clientPort, peerPort, opsPort]),
    };
    this.#nodes.push(node);
    await until(
      async () => (await this.#identify(node)) !== undefined,
      120_000,
      `place ${place} answers`,
    );
    return node;
  }

  #process(place: number, folder: string, ports: readonly number[]): ManagedProcess {
    const [client, peer, ops] = ports.map((port) => `127.0.0.1:${port}`);
    return new ManagedProcess({
      name: `${this.#options.name} place ${place}`,
      command: process.execPath,
      args: [
        ...[join(repositoryRoot, 'node', 'cli', 'dynakv.js'), 'node', '--data', folder],
        ...['--client-listen', client ?? '', '--peer-listen', peer ?? ''],
        ...['--ops-listen', ops ?? '', ...(this.#options.flags ?? [])],
      ],
      cwd: repositoryRoot,
      env: { NODE_COMPILE_CACHE: join(repositoryRoot, 'node_modules/.cache/compile') },
      logFile: this.#logFile(place),
    });
  }

  #logFile(place: number): string {
    return join(this.#folder, `p${place}.log`);
  }

  async #ask<T>(node: GrowingNode, call: (client: AdminClient) => Promise<T>): Promise<T> {
    const client = new AdminClient({ address: `127.0.0.1:${node.peerPort}`, deadlineMs: callMs });
    try {
      return await call(client);
    } finally {
      client.close();
    }
  }

  async #identify(node: GrowingNode): Promise<{ readonly state: string } | undefined> {
    return await this.#ask(node, (client) => client.identify()).catch(() => undefined);
  }

  /** A call to any node that answers. */
  async admin<T>(call: (client: AdminClient) => Promise<T>): Promise<T> {
    let failure: unknown = new Error('No node runs');
    for (const node of this.#nodes) {
      if (node.nodeId !== 0 && node.process.isRunning) {
        try {
          return await this.#ask(node, call);
        } catch (error) {
          failure = error;
        }
      }
    }
    throw failure;
  }

  async status(): Promise<ClusterStatus> {
    return await this.admin((client) => client.status());
  }

  async until(
    what: string,
    holds: (status: ClusterStatus) => boolean,
    timeoutMs = 120_000,
  ): Promise<void> {
    let last = '';
    try {
      await until(
        async () => {
          const status = await this.status().catch(() => undefined);
          last = status === undefined ? 'no status' : describe(status);
          return status !== undefined && holds(status);
        },
        timeoutMs,
        what,
      );
    } catch (error) {
      throw new Error(`Not so: ${what}. Last seen: ${last}`, { cause: error });
    }
  }

  async #fence(nodeId: number): Promise<{ readonly expectedRevision: number }> {
    const status = await this.status();
    const node = status.nodes.find((each) => each.member?.nodeId === nodeId);
    return { expectedRevision: must(node, `Status has no node ${nodeId}`).revision };
  }

  /** A new node joins and is activated; its id. `folder`: for its data. */
  async grow(folder?: string): Promise<number> {
    const members = this.#nodes.filter((node) => node.nodeId !== 0);
    const node = await this.#spawn(folder);
    const { nodeId } = await this.#ask(node, (client) =>
      client.joinCluster({
        addresses: members.map((member) => `127.0.0.1:${member.peerPort}`),
        member: doorsOf(node),
      }),
    );
    node.nodeId = nodeId;
    await this.until(`node ${nodeId} is ready`, (status) =>
      status.nodes.some((each) => each.member?.nodeId === nodeId && each.ready),
    );
    await this.setState(nodeId, 'active');
    return nodeId;
  }

  async setState(nodeId: number, state: string): Promise<void> {
    await insist(async () => {
      const fence = await this.#fence(nodeId);
      await this.admin((client) => client.setNodeState({ fence, nodeId, state, owner: 'test' }));
    });
  }

  /** Drains a node, removes it, and ends its process. */
  async shrink(nodeId: number): Promise<void> {
    await this.setState(nodeId, 'draining');
    await this.until(`node ${nodeId} is drained`, (status) =>
      status.nodes.some((each) => each.member?.nodeId === nodeId && each.state === 'drained'),
    );
    await insist(async () => {
      const fence = await this.#fence(nodeId);
      await this.admin((client) => client.removeNode({ fence, nodeId }));
    });
    const node = this.#node(nodeId);
    await until(
      async () => (await this.#identify(node))?.state === 'removed',
      120_000,
      `node ${nodeId} knows that it was removed`,
    );
    await node.process.stop();
    this.#nodes.splice(this.#nodes.indexOf(node), 1);
  }

  /** No move is left, every shard has three voters and no other copy, the system group its own. */
  async settled(timeoutMs = 120_000): Promise<void> {
    const systemVoters = this.#nodes.length >= 5 ? 5 : 3;
    await this.until(
      'the plan is done',
      (status) =>
        status.rebalance?.state === 'idle' &&
        status.groups.every(
          ({ groupId, replicas, joint }) =>
            !joint &&
            (groupId === 0
              ? replicas.filter(({ role }) => role === 'voter').length === systemVoters
              : replicas.length === 3 && replicas.every(({ role }) => role === 'voter')),
        ),
      timeoutMs,
    );
  }

  /** SIGKILL. */
  async kill(nodeId: number): Promise<void> {
    const node = this.#node(nodeId);
    process.kill(node.process.pid, 'SIGKILL');
    await node.process.ended;
  }

  /** A planned end of the process; the node stays a member. */
  async stopNode(nodeId: number): Promise<void> {
    await this.#node(nodeId).process.stop();
  }

  /** Starts a node again that was killed or stopped, on its folder. */
  startNode(nodeId: number): void {
    const node = this.#node(nodeId);
    const ports = [node.clientPort, node.peerPort, node.opsPort];
    node.process = this.#process(node.place, node.folder, ports);
  }

  async killAndRestart(nodeId: number): Promise<void> {
    await this.kill(nodeId);
    this.startNode(nodeId);
  }

  isRunning(nodeId: number): boolean {
    return this.#node(nodeId).process.isRunning;
  }

  folderOf(nodeId: number): string {
    return this.#node(nodeId).folder;
  }

  /** All that the node has logged in all its lives. */
  logOf(nodeId: number): string {
    return readFileSync(this.#logFile(this.#node(nodeId).place), 'utf8');
  }

  /** Changes settings, whatever they were meanwhile. */
  async updateSettings(settings: {
    readonly deadNodeGraceMs?: number;
    readonly snapshotBytesPerSecond?: number;
  }): Promise<void> {
    await insist(async () => {
      const { settings: now } = await this.admin((client) => client.getSettings());
      const fence = { expectedRevision: must(now).revision };
      await this.admin((client) => client.updateSettings({ fence, settings }));
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(async (node) => await node.process.stop()));
    if (process.env['KEEP'] === undefined) {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function doorsOf(node: GrowingNode): {
  readonly address: string;
  readonly clientAddress: string;
  readonly opsAddress: string;
} {
  return {
    address: `127.0.0.1:${node.peerPort}`,
    clientAddress: `127.0.0.1:${node.clientPort}`,
    opsAddress: `127.0.0.1:${node.opsPort}`,
  };
}

/** Again, while another change comes in between or the leader moves. */
async function insist(step: () => Promise<void>, attempts = 20): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await step();
      return;
    } catch (error) {
      if (attempt >= attempts) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}

function describe(status: ClusterStatus): string {
  const nodes = status.nodes.map((node) => `n${node.member?.nodeId ?? 0} ${node.state}`);
  const groups = status.groups.map(
    (group) =>
      `g${group.groupId}@n${group.leaderNodeId}${group.joint ? ' joint' : ''} ` +
      group.replicas.map((replica) => `${replica.nodeId}:${replica.role}`).join(','),
  );
  const { rebalance } = status;
  const moves = `${rebalance?.state ?? '?'} ${rebalance?.movesDone ?? 0}/${rebalance?.movesTotal ?? 0}`;
  return `${nodes.join(', ')}; ${moves}; ${groups.join(' ')}`;
}

/** Three ports that are free now. */
async function freePorts(): Promise<[number, number, number]> {
  const ports: number[] = [];
  const servers = await Promise.all(
    [0, 1, 2].map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer();
          server.listen(0, '127.0.0.1', () => {
            resolve(server);
          });
        }),
    ),
  );
  for (const server of servers) {
    const address = server.address();
    ports.push(typeof address === 'object' && address !== null ? address.port : 0);
    await new Promise((resolve) => server.close(resolve));
  }
  return [ports[0] ?? 0, ports[1] ?? 0, ports[2] ?? 0];
}
