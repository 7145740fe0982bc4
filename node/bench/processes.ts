/**
 * What the rows measure on, started when first asked for and stopped together: our cluster with
 * its loaded tables, the bare HTTP server, the etcd members. One at a time is under load; the
 * others idle.
 */
import { join } from 'node:path';
import { ProcessCluster, outFolder } from '../test/processes/cluster.ts';
import { ManagedProcess } from '../test/processes/managed-process.ts';
import type { BareAnswers } from './bare-http.ts';
import { DynamoClient, makeItem, sameHeaders } from './dynamo-client.ts';
import { EtcdCluster } from './etcd.ts';
import type { Measurement } from './report.ts';
import { keyName } from './wrk.ts';

export interface Settings {
  /** Interleaved pairs of each ratio; five or more count. */
  readonly pairs: number;
  /** Length of one side of a pair, seconds. */
  readonly seconds: number;
  readonly quick: boolean;
  /** Items that are there when a node joins. */
  readonly moveItems: number;
  /** That snapshots may move; 0: the default of a cluster. */
  readonly moveBytesPerSecond: number;
}

/** Keys loaded before anything is read, and drawn from by reads. */
export const loadedKeys = 10_000;
/** Keys drawn from by writes, here and by etcd's tool. */
export const writtenKeys = 100_000;

export const tables = {
  /** Items of 1 KiB: what is compared with the bare server. */
  large: { name: 'bench-1024', bytes: 1_024 },
  /** Items of 256 B: what is compared with etcd. */
  small: { name: 'bench-256', bytes: 256 },
} as const;

export class BenchProcesses {
  readonly settings: Settings;
  readonly client = new DynamoClient();
  readonly #say: (line: string) => void;
  #cluster: Promise<ProcessCluster> | undefined;
  #bare: Promise<{ url: string; process: ManagedProcess }> | undefined;
  #etcd: Promise<EtcdCluster> | undefined;

  constructor(settings: Settings, say: (line: string) => void) {
    this.settings = settings;
    this.#say = say;
  }

  /** Three nodes with the default options, and both tables loaded. */
  async cluster(): Promise<ProcessCluster> {
    this.#cluster ??= this.#startCluster();
    return await this.#cluster;
  }

  /** The URLs of all nodes. */
  async urls(): Promise<readonly string[]> {
    const cluster = await this.cluster();
    return cluster.nodes().map((node) => cluster.clientUrl(node));
  }

  async bareUrl(): Promise<string> {
    this.#bare ??= this.#startBare();
    return (await this.#bare).url;
  }

  async etcd(): Promise<EtcdCluster> {
    if (this.#etcd === undefined) {
      this.#say('starting three etcd members (built on the first run)');
      this.#etcd = EtcdCluster.start();
    }
    return await this.#etcd;
  }

  async stop(): Promise<void> {
    this.client.close();
    const started = [this.#cluster, this.#bare?.then((bare) => bare.process), this.#etcd];
    for (const one of started) {
      // What could not be started has stopped by itself.
      const running = await one?.catch(() => undefined);
      await running?.stop();
    }
  }

  async #startCluster(): Promise<ProcessCluster> {
    this.#say('starting three nodes and loading tables');
    const cluster = await ProcessCluster.start({ name: 'bench' });
    const urls = cluster.nodes().map((node) => cluster.clientUrl(node));
    try {
      for (const { name, bytes } of [tables.large, tables.small]) {
        await this.client.createTable(cluster.clientUrl(1), name);
        const count = this.settings.quick ? loadedKeys / 10 : loadedKeys;
        await this.client.load(urls, name, { count, bytes });
      }
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Keys that are there to be read. */
  get readKeys(): number {
    return this.settings.quick ? loadedKeys / 10 : loadedKeys;
  }

  async #startBare(): Promise<{ url: string; process: ManagedProcess }> {
    const url = (await this.cluster()).clientUrl(1);
    const { name, bytes } = tables.large;
    const put = await this.client.mustCall(url, 'PutItem', {
      TableName: name,
      Item: makeItem(0, bytes),
    });
    const got = await this.client.mustCall(url, 'GetItem', {
      TableName: name,
      Key: { pk: { S: keyName(0) } },
      ConsistentRead: true,
    });
    const answers: BareAnswers = {
      PutItem: { headers: sameHeaders(put), body: put.body },
      GetItem: { headers: sameHeaders(got), body: got.body },
    };
    const server = new ManagedProcess({
      name: 'bare http',
      command: process.execPath,
      args: [join(import.meta.dirname, 'bare-http.ts')],
      env: { BARE_ANSWERS: JSON.stringify(answers) },
      logFile: join(outFolder, 'logs', 'bare-http.log'),
    });
    const line = await server.waitForLine(/^ready http/, 10_000);
    return { url: line.slice('ready '.length), process: server };
  }
}

/** A suite measures the rows of one kind; `main.ts` runs them in order. */
export interface Suite<Target> {
  readonly targets: readonly Target[];
  readonly measure: (target: Target, processes: BenchProcesses) => Promise<Measurement>;
}
