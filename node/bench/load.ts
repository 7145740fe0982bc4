/**
 * `make load`: a demo of the plain HTTP door under load. Starts a fresh cluster of three nodes (or
 * takes `--url`), mixes PUT and GET of `/key/{id}` over all nodes for a while, shows a live line,
 * and ends with a table of latencies. For looking, not for ratios: the generator is JavaScript and
 * eats much of the core that it measures (`main.ts` uses wrk).
 *
 * With `--rate` requests are due at fixed times, and a late one counts from when it was due
 * (no coordinated omission).
 */
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { messageOf } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import { ProcessCluster } from '../test/processes/cluster.ts';
import { KeyClient } from '../test/processes/key-client.ts';
import { exitOnInterrupt } from '../test/processes/managed-process.ts';
import type { LoadRequest, LoadResult } from './autocannon.ts';
import { autocannon } from './autocannon.ts';

interface LoadFlags {
  readonly seconds: number;
  readonly connections: number;
  readonly reads: number;
  readonly keys: number;
  readonly bytes: number;
  readonly rate?: number;
  readonly url?: string[];
}

const writersAtOnce = 32;

function toCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new InvalidArgumentError('expected a whole number');
  }
  return Number(text);
}

function readFlags(): LoadFlags {
  return new Command('load')
    .option('--seconds <count>', 'how long', toCount, 20)
    .option('--connections <count>', 'over all nodes', toCount, 63)
    .option('--reads <percent>', 'share of GET', toCount, 50)
    .option('--keys <count>', 'keys, all written before', toCount, 1_000)
    .option('--bytes <count>', 'size of a value', toCount, 1_024)
    .option('--rate <count>', 'requests per second, evenly (default: as fast as it goes)', toCount)
    .option('--url <url...>', 'running nodes (default: a fresh cluster)')
    .parse()
    .opts<LoadFlags>();
}

async function runLoad(urls: readonly string[], flags: LoadFlags): Promise<LoadResult> {
  const prng = new Prng(Date.now() % 0x1_0000_0000);
  const body = JSON.stringify(makeValue(flags));
  const headers = { 'content-type': 'application/json' };
  const setupRequest = (request: LoadRequest): LoadRequest => {
    const path = `/key/${keyOf(prng.below(flags.keys))}`;
    return prng.chance(flags.reads / 100)
      ? { ...request, method: 'GET', path, headers: {}, body: undefined }
      : { ...request, method: 'PUT', path, headers, body };
  };
  return await new Promise((resolve, reject) => {
    const load = autocannon(
      {
        url: urls,
        connections: Math.max(flags.connections, urls.length),
        duration: flags.seconds,
        requests: [{ setupRequest }],
        ...(flags.rate === undefined ? {} : { overallRate: flags.rate }),
      },
      (error, result) => {
        if (error === null) {
          resolve(result);
        } else {
          reject(error);
        }
      },
    );
    showProgress(load, flags.seconds);
  });
}

/** Rewrites one line a second on a terminal; prints every fifth second elsewhere. */
function showProgress(load: NodeJS.EventEmitter, seconds: number): void {
  const startedAt = performance.now();
  let answered = 0;
  let failed = 0;
  let slowestMs = 0;
  load.on('response', (_client: unknown, status: number, _bytes: number, milliseconds: number) => {
    answered++;
    failed += status >= 500 ? 1 : 0;
    slowestMs = Math.max(slowestMs, milliseconds);
  });
  let shown = 0;
  const timer = setInterval(() => {
    const elapsed = Math.round((performance.now() - startedAt) / 1_000);
    const line =
      `${String(elapsed).padStart(4)} of ${seconds} s  ` +
      `${String(answered - shown).padStart(6)} requests/s  ` +
      `slowest ${slowestMs.toFixed(0).padStart(5)} ms  ${failed} failed`;
    if (process.stdout.isTTY) {
      process.stdout.write(`\r${line}  `);
    } else if (elapsed % 5 === 0) {
      process.stdout.write(`${line}\n`);
    }
    shown = answered;
    slowestMs = 0;
  }, 1_000);
  load.once('done', () => {
    clearInterval(timer);
    process.stdout.write('\n');
  });
}

/** Writes every key once, so that each GET finds something. */
async function writeKeys(urls: readonly string[], flags: LoadFlags): Promise<void> {
  const client = new KeyClient(10_000);
  const value = makeValue(flags);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < flags.keys) {
      const number = next++;
      const url = urls[number % urls.length] ?? '';
      const { status, body } = await client.send(url, keyOf(number), { kind: 'put', value });
      if (status !== 200 && status !== 201) {
        throw new Error(`Cannot write the keys: ${status} ${body.slice(0, 300)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: writersAtOnce }, worker));
  client.close();
}

function keyOf(number: number): string {
  return `load-${number}`;
}

function makeValue(flags: LoadFlags): string {
  return 'x'.repeat(Math.max(0, flags.bytes - 2));
}

function formatResult(result: LoadResult): string {
  const { p50, p90, p97_5, p99, p99_9, max } = result.latency;
  const table = new Table({
    head: ['latency', '50 %', '90 %', '97.5 %', '99 %', '99.9 %', 'most'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  table.push(['ms', ...[p50, p90, p97_5, p99, p99_9, max].map((value) => value.toFixed(0))]);
  const bad = result.errors + result.timeouts + result.non2xx;
  return [
    table.toString(),
    `${pc.bold(result.requests.average.toFixed(0))} requests/s: ${result.requests.total} in ` +
      `${result.duration.toFixed(0)} s, ${bad === 0 ? '0 failed' : pc.red(`${bad} failed`)}`,
  ].join('\n');
}

async function run(): Promise<void> {
  const flags = readFlags();
  if (flags.url !== undefined) {
    await runOn(flags.url, flags);
    return;
  }
  process.stdout.write('Starting three nodes …\n');
  await using cluster = await ProcessCluster.start({ name: 'load' });
  await runOn(
    cluster.nodes().map((node) => cluster.clientUrl(node)),
    flags,
  );
}

async function runOn(urls: readonly string[], flags: LoadFlags): Promise<void> {
  process.stdout.write(`Writing ${flags.keys} keys, then load on ${urls.join(', ')}\n`);
  await writeKeys(urls, flags);
  process.stdout.write(`${formatResult(await runLoad(urls, flags))}\n`);
}

if (import.meta.main) {
  exitOnInterrupt();
  await run().catch((error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  });
}
