/**
 * A cluster of real node processes for tests and measurements, started by the local launcher and
 * spoken to over loopback only. Nodes are numbered from 1. It signals only processes that its own
 * launcher started, found by the port on which they listen, and removes the data that it made.
 *
 * The launcher starts a killed node again by itself, after a pause that grows. With `ownsNodes` the
 * launcher only creates the cluster; then it is stopped and the nodes are started one by one with
 * the same command lines, so that `restart` starts a killed one at once.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assert, must } from '../../lib/assert.ts';
import { ManagedProcess } from './managed-process.ts';
import { commandLineOf, descendantsOf, isAlive, listenerOf } from './proc.ts';

export interface ClusterOptions {
  /** Names the log and the data folder. */
  readonly name: string;
  /** Default 3. */
  readonly nodes?: number;
  /** Default: the launcher's own. */
  readonly shards?: number;
  /** Start the nodes without the launcher, once it has created the cluster. Default false. */
  readonly ownsNodes?: boolean;
  /**
   * With `ownsNodes`: told each node's command line while no node runs; returns the one to start it
   * with from now on, and its further environment.
   */
  readonly adopt?: (node: number, commandLine: readonly string[]) => Promise<AdoptedNode>;
  /** Further arguments of the launcher. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Told the first client port just before the launcher is started. */
  readonly onSpawn?: (port: number) => void;
  /** From start to the ready line, ms. Default 60 s. */
  readonly startMsMax?: number;
  /** An existing data folder to use, and to leave in place. Default: a fresh one, removed. */
  readonly data?: string;
}

export interface AdoptedNode {
  readonly commandLine: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));
/** Logs and data of measurements and process tests. */
export const outFolder = join(repositoryRoot, 'out');

/** From a client port to the node's peer port. */
export const peerPortShift = -1000;
const opsPortShift = 1100;
const pollMs = 50;

export class ProcessCluster {
  readonly nodeCount: number;
  readonly port: number;
  readonly dataFolder: string;
  /** From spawn to the ready line, ms. */
  readonly startMs: number;
  readonly #launcher: ManagedProcess;
  readonly #keepsData: boolean;
  readonly #name: string;
  /** Node → how it is started, if the nodes are our own children. */
  readonly #adopted = new Map<number, AdoptedNode>();
  readonly #ownNodes = new Map<number, ManagedProcess>();
  readonly #paused = new Set<number>();

  private constructor(
    launcher: ManagedProcess,
    facts: {
      readonly name: string;
      readonly nodeCount: number;
      readonly port: number;
      readonly dataFolder: string;
      readonly keepsData: boolean;
      readonly ms: number;
    },
  ) {
    this.#launcher = launcher;
    this.#name = facts.name;
    this.nodeCount = facts.nodeCount;
    this.port = facts.port;
    this.dataFolder = facts.dataFolder;
    this.#keepsData = facts.keepsData;
    this.startMs = facts.ms;
  }

  /** Starts the launcher and resolves when it says that writes work. */
  static async start(options: ClusterOptions): Promise<ProcessCluster> {
    const nodeCount = options.nodes ?? 3;
    const port = await findFreePorts(nodeCount);
    const dataFolder = options.data ?? makeFolder(options.name);
    const keepsData = options.data !== undefined;
    const program =
      process.env['DYNAKV_PROGRAM'] ?? join(repositoryRoot, 'node', 'cli', 'dynakv.js');
    const shards = options.shards === undefined ? [] : ['--shards', String(options.shards)];
    options.onSpawn?.(port);
    const startedAt = performance.now();
    const launcher = new ManagedProcess({
      name: `cluster ${options.name}`,
      command: process.execPath,
      args: [
        ...[program, 'local', '--nodes', String(nodeCount), '--port', String(port)],
        ...['--data', dataFolder, ...shards, ...(options.args ?? [])],
      ],
      cwd: repositoryRoot,
      env: {
        NODE_COMPILE_CACHE: join(repositoryRoot, 'node_modules/.cache/compile'),
        ...options.env,
      },
      logFile: join(outFolder, 'logs', `${options.name}.log`),
    });
    try {
      await launcher.waitForLine(/^ready http/, options.startMsMax ?? 60_000);
    } catch (error) {
      await launcher.stop();
      removeData(dataFolder, keepsData);
      throw error;
    }
    const ms = performance.now() - startedAt;
    const { name } = options;
    const facts = { name, nodeCount, port, dataFolder, keepsData, ms };
    const cluster = new ProcessCluster(launcher, facts);
    if (options.ownsNodes === true) {
      await cluster.#takeOver(options);
    }
    return cluster;
  }

  /** 1 … nodeCount. */
  nodes(): readonly number[] {
    return Array.from({ length: this.nodeCount }, (_, index) => index + 1);
  }

  clientPort(node: number): number {
    return this.port + node - 1;
  }

  peerPort(node: number): number {
    return this.clientPort(node) + peerPortShift;
  }

  opsPort(node: number): number {
    return this.clientPort(node) + opsPortShift;
  }

  clientUrl(node: number): string {
    return `http://127.0.0.1:${this.clientPort(node)}`;
  }

  opsUrl(node: number): string {
    return `http://127.0.0.1:${this.opsPort(node)}`;
  }

  /** The node's process now; undefined while it is down. */
  pidOf(node: number): number | undefined {
    const own = this.#ownNodes.get(node);
    if (own !== undefined) {
      return own.isRunning && isAlive(own.pid) ? own.pid : undefined;
    }
    return listenerOf(this.clientPort(node), descendantsOf(this.#launcher.pid));
  }

  /** SIGKILL to the nodes given, all at once, and waits until they are gone. */
  async kill(nodes: readonly number[]): Promise<void> {
    const pids = nodes.map((node) => must(this.pidOf(node), `Cannot kill node ${node}: not up`));
    for (const pid of pids) {
      process.kill(pid, 'SIGKILL');
    }
    await until(() => pids.every((pid) => !isAlive(pid)), 5_000, 'killed nodes end');
  }

  /** Starts killed nodes again, with `ownsNodes`. */
  restart(nodes: readonly number[]): void {
    for (const node of nodes) {
      assert(this.pidOf(node) === undefined, `Cannot restart node ${node}: it runs`);
      const { commandLine, env = {} } = must(
        this.#adopted.get(node),
        'The launcher owns the nodes',
      );
      const [command, ...args] = commandLine;
      const name = `${this.#name} node ${node}`;
      const logFile = join(outFolder, 'logs', `${this.#name}-${node}.log`);
      const cwd = repositoryRoot;
      this.#ownNodes.set(
        node,
        new ManagedProcess({ name, command: command ?? '', args, env, cwd, logFile }),
      );
    }
  }

  /** Tells an own node to stop (SIGTERM) and waits until it has; returns its exit code. */
  async stopNode(node: number, graceMs: number): Promise<number | null> {
    const own = must(this.#ownNodes.get(node), 'The launcher owns the nodes');
    return (await own.stop(graceMs)).code;
  }

  /** SIGSTOP: the process keeps its sockets and does nothing. Returns its pid. */
  pause(node: number): number {
    const pid = must(this.pidOf(node), `Cannot pause node ${node}: not up`);
    process.kill(pid, 'SIGSTOP');
    this.#paused.add(pid);
    return pid;
  }

  resume(pid: number): void {
    if (this.#paused.delete(pid) && isAlive(pid)) {
      process.kill(pid, 'SIGCONT');
    }
  }

  /** Resolves when every node's `/readyz` answers 200. */
  async waitReady(timeoutMs = 120_000): Promise<void> {
    for (const node of this.nodes()) {
      await until(
        async () => (await statusOf(`${this.opsUrl(node)}/readyz`)) === 200,
        timeoutMs,
        `node ${node} is ready`,
      );
    }
  }

  /** Throws if a node is down. */
  assertUp(): void {
    for (const node of this.nodes()) {
      must(this.pidOf(node), `Node ${node} is down`);
    }
  }

  async stop(): Promise<void> {
    for (const pid of [...this.#paused]) {
      this.resume(pid);
    }
    await this.#stopLauncher();
    await Promise.all([...this.#ownNodes.values()].map(async (node) => await node.stop()));
    removeData(this.dataFolder, this.#keepsData);
  }

  /** From now on the nodes are our own children. */
  async #takeOver({ adopt, startMsMax = 60_000 }: ClusterOptions): Promise<void> {
    const commandLines = this.nodes().map((node) => commandLineOf(must(this.pidOf(node))));
    await this.#stopLauncher();
    for (const [index, commandLine] of commandLines.entries()) {
      this.#adopted.set(index + 1, (await adopt?.(index + 1, commandLine)) ?? { commandLine });
    }
    this.restart(this.nodes());
    try {
      await this.waitReady(startMsMax);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #stopLauncher(): Promise<void> {
    const pids = descendantsOf(this.#launcher.pid);
    await this.#launcher.stop(15_000);
    // Nodes end with their launcher; one that does not is ended by its own pid.
    const allGone = (): boolean => pids.every((pid) => !isAlive(pid));
    await until(allGone, 5_000, 'nodes end with the launcher').catch(() => {
      for (const pid of pids.filter(isAlive)) {
        process.kill(pid, 'SIGKILL');
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Waits until `holds`, polling; throws a sentence that names `what` after `timeoutMs`. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  timeoutMs: number,
  what: string,
): Promise<void> {
  const endAt = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > endAt) {
      throw new Error(`Cannot see that ${what}: waited ${timeoutMs} ms`);
    }
    await wait(pollMs);
  }
}

/** The status of a GET; 0 if there is no answer within a second. */
async function statusOf(url: string): Promise<number> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

function makeFolder(name: string): string {
  const parent = join(outFolder, 'data');
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, `${name}-`));
}

function removeData(folder: string, keep: boolean): void {
  if (!keep && process.env['KEEP'] === undefined) {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In the range used here, the one port that `fetch` refuses, by which tests ask. */
const portOfNoFetch = 10_080;

/** A first client port such that all ports of `nodes` nodes are free now. */
async function findFreePorts(nodes: number): Promise<number> {
  const first = 10_000 + (process.pid % 700) * 10;
  for (let port = first; port < first + 2_000; port += 10) {
    const wanted = Array.from({ length: nodes }, (_, index) => port + index).flatMap((client) => [
      client,
      client + peerPortShift,
      client + opsPortShift,
    ]);
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean) && !wanted.includes(portOfNoFetch)) {
      return port;
    }
  }
  throw new Error(`Cannot find free ports: tried ${first} to ${first + 2_000}`);
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
