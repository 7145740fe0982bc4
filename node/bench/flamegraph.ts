/**
 * `make flamegraph`: profiles one node of a fresh cluster while wrk loads all of them, and leaves
 * `out/flamegraph.html` (and the profile, which DevTools opens too). Only the time under load is
 * profiled: the node's inspector is opened by SIGUSR1, on loopback, once the load runs.
 */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { must } from '../lib/assert.ts';
import { messageOf } from '../lib/errors.ts';
import { ProcessCluster, outFolder, repositoryRoot, until } from '../test/processes/cluster.ts';
import { exitOnInterrupt } from '../test/processes/managed-process.ts';
import type { CpuProfile } from './cpu-profile.ts';
import { buildFlameTree, heaviestFrames } from './cpu-profile.ts';
import { DynamoClient } from './dynamo-client.ts';
import { renderFlameGraph } from './flame-page.ts';
import { Inspector } from './inspector.ts';
import type { WrkOperation } from './wrk.ts';
import { assertWrk, runWrk } from './wrk.ts';

interface FlameFlags {
  readonly operation: WrkOperation;
  readonly node: number;
  readonly seconds: number;
  readonly connections: number;
}

const table = { name: 'flamegraph', count: 2_000, bytes: 1_024 };
const warmUpSeconds = 4;
/** Finer than V8's default of 1,000: a turn of the loop lasts about a millisecond. */
const sampleMicros = 250;

function toCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) {
    throw new InvalidArgumentError('expected a whole number');
  }
  return Number(text);
}

function readFlags(): FlameFlags {
  const operations: readonly WrkOperation[] = ['put', 'get-strong', 'get-eventual'];
  return new Command('flamegraph')
    .addOption(new Option('--operation <name>', 'the load').choices(operations).default('put'))
    .option('--node <number>', 'which node to profile', toCount, 1)
    .option('--seconds <count>', 'how long to profile', toCount, 10)
    .option('--connections <count>', 'over all nodes', toCount, 64)
    .parse()
    .opts<FlameFlags>();
}

async function profileUnderLoad(flags: FlameFlags): Promise<CpuProfile> {
  const port = await findFreePort();
  process.stdout.write('Starting three nodes …\n');
  await using cluster = await ProcessCluster.start({
    name: 'flamegraph',
    // Says where SIGUSR1 opens the inspector; nothing is opened before.
    env: { NODE_OPTIONS: `--inspect-port=127.0.0.1:${port}` },
  });
  const urls = cluster.nodes().map((node) => cluster.clientUrl(node));
  const client = new DynamoClient();
  await client.createTable(cluster.clientUrl(1), table.name);
  await client.load(urls, table.name, table);
  client.close();
  const { operation, connections, seconds } = flags;
  process.stdout.write(`Profiling node ${flags.node} for ${seconds} s under ${operation} …\n`);
  const load = runWrk({
    ...{ urls, connections, operation, table: table.name, keys: table.count },
    ...{ itemBytes: table.bytes, seconds: warmUpSeconds + seconds + 2 },
  });
  const [profile, result] = await Promise.all([takeProfile(cluster, port, flags), load]);
  process.stdout.write(`${result.perSecond.toFixed(0)} requests/s while profiling\n`);
  return profile;
}

async function takeProfile(
  cluster: ProcessCluster,
  port: number,
  { node, seconds }: FlameFlags,
): Promise<CpuProfile> {
  await wait(warmUpSeconds * 1_000);
  process.kill(must(cluster.pidOf(node), `There is no node ${node}`), 'SIGUSR1');
  let inspector: Inspector | undefined;
  await until(
    async () => {
      inspector = await Inspector.connect(port);
      return inspector !== undefined;
    },
    5_000,
    'the inspector answers',
  );
  const open = must(inspector);
  try {
    await open.call('Profiler.enable');
    await open.call('Profiler.setSamplingInterval', { interval: sampleMicros });
    await open.call('Profiler.start');
    await wait(seconds * 1_000);
    const { profile } = (await open.call('Profiler.stop')) as { profile: CpuProfile };
    return profile;
  } finally {
    open.close();
  }
}

async function findFreePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}

async function run(): Promise<void> {
  const flags = readFlags();
  assertWrk();
  const profile = await profileUnderLoad(flags);
  const tree = buildFlameTree(profile);
  const title = `DynaKV: node ${flags.node} under ${flags.operation}, ${flags.connections} connections`;
  const page = join(outFolder, 'flamegraph.html');
  const raw = join(outFolder, 'flamegraph.cpuprofile');
  writeFileSync(page, renderFlameGraph({ title, tree }));
  writeFileSync(raw, JSON.stringify(profile));
  for (const frame of heaviestFrames(tree.root, 10)) {
    const share = ((frame.self / tree.root.total) * 100).toFixed(1).padStart(5);
    process.stdout.write(`${share} %  ${frame.name}  ${frame.place}\n`);
  }
  const shown = [page, raw].map((file) => relative(repositoryRoot, file));
  process.stdout.write(`Open ${shown[0] ?? ''} in a browser (${shown[1] ?? ''} in DevTools)\n`);
}

if (import.meta.main) {
  exitOnInterrupt();
  await run().catch((error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  });
}
