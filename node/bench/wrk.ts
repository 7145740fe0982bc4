/**
 * Load by wrk. wrk takes one URL, so connections that are spread over nodes are one wrk process per
 * node at the same time, each with one thread and its share of the connections (64 over three:
 * 22 + 21 + 21). What is compared with gets the same three processes. Any error, or an answer
 * other than 2xx, fails the run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

export type WrkOperation = 'put' | 'get-strong' | 'get-eventual';

export interface WrkLoad {
  readonly urls: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  readonly operation: WrkOperation;
  readonly itemBytes: number;
  /** Keys to draw from; see `keyName`. */
  readonly keys: number;
  readonly table: string;
}

export interface WrkResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What `lua/dynamo.lua` prints at the end. */
interface WrkSummary {
  readonly requests: number;
  readonly micros: number;
  readonly connect: number;
  readonly read: number;
  readonly write: number;
  readonly status: number;
  readonly timeout: number;
  /** Latencies at every half percent, microseconds. */
  readonly marks: readonly number[];
}

const script = join(import.meta.dirname, 'lua', 'dynamo.lua');
let nextSeed = 1;

/** Throws a sentence that says what to install. */
export function assertWrk(): void {
  if (spawnSync('wrk', ['--version']).error !== undefined) {
    throw new Error('Cannot measure without wrk: apt-get install wrk (or make bench-setup)');
  }
}

/** The `number`th key, as the script writes it. */
export function keyName(number: number): string {
  return `k${String(number).padStart(7, '0')}`;
}

export async function runWrk(load: WrkLoad): Promise<WrkResult> {
  const count = Math.min(load.urls.length, load.connections);
  const summaries = await Promise.all(
    load.urls.slice(0, count).map(async (url, index) => {
      const share =
        Math.floor(load.connections / count) + (index < load.connections % count ? 1 : 0);
      return await runOne(url, share, load);
    }),
  );
  const perSecond = summaries.reduce((sum, one) => sum + (one.requests * 1e6) / one.micros, 0);
  return { perSecond, p50Ms: percentile(summaries, 0.5), p99Ms: percentile(summaries, 0.99) };
}

async function runOne(url: string, connections: number, load: WrkLoad): Promise<WrkSummary> {
  const { seconds, operation, itemBytes, keys, table } = load;
  const args = [
    ...['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url, '--'],
    ...[operation, String(itemBytes), String(keys), String(nextSeed++), table],
  ];
  const text = await collect('wrk', args);
  const line = text.split('\n').find((one) => one.startsWith('{"requests"'));
  if (line === undefined) {
    throw new Error(`Cannot read the end of wrk ${args.join(' ')}: ${text}`);
  }
  const summary = JSON.parse(line) as WrkSummary;
  const { connect, read, write, status, timeout } = summary;
  if (connect + read + write + status + timeout > 0 || summary.requests === 0) {
    throw new Error(
      `Cannot count a run with errors (${operation} on ${url}): ${connect} connect, ${read} read, ` +
        `${write} write, ${status} not 2xx, ${timeout} timeouts, ${summary.requests} requests`,
    );
  }
  return summary;
}

/** Runs a program to its end; throws with its output if it fails. Errors follow the output. */
export async function collect(command: string, args: readonly string[]): Promise<string> {
  return await new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: string[] = [];
    const errors: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString('utf8')));
    child.once('error', reject);
    child.once('close', (code) => {
      const text = output.join('');
      if (code === 0) {
        resolve(text);
      } else {
        const tail = `${text}${errors.join('')}`.slice(-2_000);
        reject(new Error(`Cannot run ${command} ${args.join(' ')}: code ${String(code)}\n${tail}`));
      }
    });
  });
}

/** Over several processes: each mark stands for half a percent of its process's requests. */
export function percentile(
  summaries: readonly Pick<WrkSummary, 'requests' | 'marks'>[],
  part: number,
): number {
  const weighted = summaries.flatMap((one) =>
    one.marks.map((micros) => ({ micros, weight: one.requests / one.marks.length })),
  );
  weighted.sort((a, b) => a.micros - b.micros);
  const total = weighted.reduce((sum, one) => sum + one.weight, 0);
  let seen = 0;
  for (const { micros, weight } of weighted) {
    seen += weight;
    if (seen >= total * part) {
      return micros / 1_000;
    }
  }
  return (weighted.at(-1)?.micros ?? 0) / 1_000;
}
