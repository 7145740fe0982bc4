/**
 * Three etcd members on loopback with data on the same disk, and etcd's own `benchmark` tool. The
 * programs are built once by `setup.sh` from the Go modules pinned in `etcd-module/`.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ManagedProcess } from '../test/processes/managed-process.ts';
import { outFolder, until } from '../test/processes/cluster.ts';
import { collect } from './wrk.ts';

const members = [1, 2, 3];
const clientPort = 21_370;
const peerPort = 21_380;
const keySpace = 100_000;
/** The key that the range row reads. */
const rangeKey = 'benchkey';

export class EtcdCluster {
  readonly #processes: readonly ManagedProcess[];
  readonly #folder: string;
  readonly #benchmark: string;

  private constructor(processes: readonly ManagedProcess[], folder: string, benchmark: string) {
    this.#processes = processes;
    this.#folder = folder;
    this.#benchmark = benchmark;
  }

  /** Builds the programs if need be (minutes, once) and starts the members. */
  static async start(): Promise<EtcdCluster> {
    const programs = buildPrograms();
    mkdirSync(join(outFolder, 'data'), { recursive: true });
    const folder = mkdtempSync(join(outFolder, 'data', 'etcd-'));
    const initial = members.map((id) => `m${id}=http://127.0.0.1:${peerPort + id}`).join(',');
    const processes = members.map(
      (id) =>
        new ManagedProcess({
          name: `etcd ${id}`,
          command: join(programs, 'etcd'),
          args: [
            ...['--name', `m${id}`, '--data-dir', join(folder, `m${id}`)],
            ...['--listen-peer-urls', `http://127.0.0.1:${peerPort + id}`],
            ...['--initial-advertise-peer-urls', `http://127.0.0.1:${peerPort + id}`],
            ...['--listen-client-urls', `http://127.0.0.1:${clientPort + id}`],
            ...['--advertise-client-urls', `http://127.0.0.1:${clientPort + id}`],
            ...['--initial-cluster', initial, '--initial-cluster-state', 'new'],
            ...['--log-level', 'error'],
          ],
          logFile: join(outFolder, 'logs', `etcd-${id}.log`),
        }),
    );
    const cluster = new EtcdCluster(processes, folder, join(programs, 'benchmark'));
    try {
      for (const id of members) {
        await until(async () => await isHealthy(id), 30_000, `etcd member ${id} is healthy`);
      }
      await putKey(rangeKey, 256);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Puts per second with as many connections as clients, 256 B values, for about `seconds`. */
  async put(clients: number, seconds: number): Promise<number> {
    const args = ['put', '--key-size=8', `--key-space-size=${keySpace}`, '--val-size=256'];
    return await this.#run(clients, seconds, args);
  }

  /** Linearizable reads of a 256 B value per second. */
  async range(clients: number, seconds: number): Promise<number> {
    return await this.#run(clients, seconds, ['range', rangeKey, '--consistency=l']);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map(async (one) => await one.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** The tool takes a number of requests: a short run says how many fill the time. */
  async #run(clients: number, seconds: number, args: readonly string[]): Promise<number> {
    const trial = await this.#runTotal(clients, clients * 30, args);
    return await this.#runTotal(clients, Math.ceil(trial * seconds), args);
  }

  async #runTotal(clients: number, total: number, args: readonly string[]): Promise<number> {
    const endpoints = members.map((id) => `127.0.0.1:${clientPort + id}`).join(',');
    const text = await collect(this.#benchmark, [
      ...args,
      ...[`--endpoints=${endpoints}`, `--conns=${clients}`, `--clients=${clients}`],
      `--total=${total}`,
    ]);
    const perSecond = /Requests\/sec:\s+([\d.]+)/.exec(text)?.[1];
    if (perSecond === undefined || text.includes('Error distribution')) {
      throw new Error(`Cannot count a run of etcd's benchmark with errors: ${text.slice(-2_000)}`);
    }
    return Number(perSecond);
  }
}

function buildPrograms(): string {
  const setup = spawnSync(join(import.meta.dirname, 'setup.sh'), ['etcd'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (setup.status !== 0) {
    throw new Error('Cannot compare with etcd: setup.sh says why');
  }
  return setup.stdout.trim();
}

async function isHealthy(id: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${clientPort + id}/health`, {
      signal: AbortSignal.timeout(1_000),
    });
    return (await response.text()).includes('"health":"true"');
  } catch {
    return false;
  }
}

/** One put through etcd's JSON gateway. */
async function putKey(key: string, bytes: number): Promise<void> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const response = await fetch(`http://127.0.0.1:${clientPort + 1}/v3/kv/put`, {
    method: 'POST',
    body: JSON.stringify({ key: base64(key), value: base64('x'.repeat(bytes)) }),
  });
  if (!response.ok) {
    throw new Error(`Cannot put a key into etcd: ${response.status}`);
  }
}
