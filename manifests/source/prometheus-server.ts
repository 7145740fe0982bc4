/**
 * A real Prometheus of the Debian package for the length of a check: scrapes the nodes given every
 * second, evaluates the alerts, and answers queries on loopback.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ManagedProcess } from '../../node/test/processes/managed-process.ts';
import { until } from '../../node/test/processes/cluster.ts';
import { ruleGroups } from './alert-rules.ts';
import type { ScrapedNode } from './pod-monitor.ts';
import { scrapeJob } from './pod-monitor.ts';
import { yamlText } from './yaml-text.ts';

const interval = '1s';
const startMsMax = 30_000;
const answerMsMax = 10_000;

export interface WatchedCluster {
  readonly namespace: string;
  readonly name: string;
  readonly nodes: readonly ScrapedNode[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface RuleState {
  readonly name: string;
  /** `ok`, or what is wrong. */
  readonly health: string;
  /** `inactive`, `pending` or `firing`. */
  readonly state: string;
}

interface ApiVector {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: readonly [number, string];
  }[];
}

interface ApiRules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly name: string;
      readonly health: string;
      readonly lastError?: string;
      readonly state: string;
    }[];
  }[];
}

export class PrometheusServer {
  readonly #process: ManagedProcess;
  readonly #url: string;
  readonly #data: string;

  private constructor(process: ManagedProcess, url: string, data: string) {
    this.#process = process;
    this.#url = url;
    this.#data = data;
  }

  /** `program`: folder of the binaries. `folder`: for its files. */
  static async start(
    program: string,
    folder: string,
    cluster: WatchedCluster,
  ): Promise<PrometheusServer> {
    const data = join(folder, `tsdb-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'rules.yaml'), yamlText(ruleGroups()));
    const config = {
      global: { evaluation_interval: interval },
      rule_files: ['rules.yaml'],
      scrape_configs: [scrapeJob(cluster, cluster.nodes, interval)],
    };
    writeFileSync(join(folder, 'prometheus.yaml'), yamlText(config));
    const address = `127.0.0.1:${await freePort()}`;
    const server = new ManagedProcess({
      name: 'prometheus',
      command: join(program, 'prometheus'),
      args: [
        ...[`--config.file=${join(folder, 'prometheus.yaml')}`, `--storage.tsdb.path=${data}`],
        ...[`--web.listen-address=${address}`, '--log.level=warn'],
      ],
      env: { GOMAXPROCS: '1' },
      logFile: join(folder, 'prometheus.log'),
    });
    const started = new PrometheusServer(server, `http://${address}`, data);
    try {
      await until(() => started.#isReady(), startMsMax, 'Prometheus is ready');
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  /** The value of an expression now. */
  async query(expr: string): Promise<readonly Sample[]> {
    const answer = await this.#ask<ApiVector>(`query?query=${encodeURIComponent(expr)}`);
    return answer.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  async rules(): Promise<readonly RuleState[]> {
    const { groups } = await this.#ask<ApiRules>('rules');
    return groups.flatMap(({ rules }) =>
      rules.map(({ name, health, lastError, state }) => ({
        ...{ name, state },
        health: lastError === undefined || lastError === '' ? health : lastError,
      })),
    );
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    rmSync(this.#data, { recursive: true, force: true });
  }

  async #isReady(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(answerMsMax);
      return (await fetch(`${this.#url}/-/ready`, { signal })).ok;
    } catch {
      return false;
    }
  }

  async #ask<T>(path: string): Promise<T> {
    const signal = AbortSignal.timeout(answerMsMax);
    const answer = await fetch(`${this.#url}/api/v1/${path}`, { signal });
    const body = (await answer.json()) as { data?: T; error?: string };
    if (body.data === undefined) {
      throw new Error(`Prometheus refuses ${decodeURIComponent(path)}: ${body.error ?? 'no data'}`);
    }
    return body.data;
  }
}

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => {
        resolve(port);
      });
    });
  });
}
