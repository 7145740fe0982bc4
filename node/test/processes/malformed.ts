/**
 * Ten thousand malformed requests on each kind of port of a running cluster (client HTTP, peers'
 * gRPC, operations HTTP): each gets a proper 4xx or a closed connection, no node crashes, good
 * requests still work, and memory at the end is at most 1.2 × that after the first tenth.
 *
 * By itself: `node node/test/processes/malformed.ts` (`SEED=`, `COUNT=` per kind of port, and
 * `KINDS=client,peers,operations` for some kinds only).
 */
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { must } from '../../lib/assert.ts';
import { Prng } from '../../lib/prng.ts';
import { ProcessCluster } from './cluster.ts';
import { KeyClient } from './key-client.ts';
import type { Malformed, PortKind } from './malformed-requests.ts';
import { makeMalformed } from './malformed-requests.ts';
import { exitOnInterrupt } from './managed-process.ts';
import { residentBytes } from './proc.ts';
import { chooseSeed, say } from './verdict.ts';

export interface MalformedOptions {
  readonly seed: number;
  /** Requests to each kind of port. */
  readonly count: number;
  /** Default: all. */
  readonly kinds?: readonly PortKind[];
}

interface Exchange {
  /** The first bytes of the answer; empty: closed without one. */
  readonly head: string;
  /** `open`: neither answered nor closed in time. */
  readonly state: 'answered' | 'closed' | 'open';
}

const allKinds: readonly PortKind[] = ['client', 'peers', 'operations'];
const connectionsAtOnce = 24;
/** An answer must come, or the connection close, within this time. */
const exchangeMsMax = 10_000;
const memoryGrowthMax = 1.2;
/** The least memory of this long is taken: garbage waiting for a collection is not growth. */
const settleMs = 3_000;

export async function runMalformed(options: MalformedOptions): Promise<void> {
  const { seed, count, kinds = allKinds } = options;
  say(`malformed: replay with SEED=${seed} COUNT=${count} node node/test/processes/malformed.ts`);
  const prng = new Prng(seed);
  await using cluster = await ProcessCluster.start({ name: 'malformed' });
  const pids = cluster.nodes().map((node) => must(cluster.pidOf(node)));
  const first = Math.ceil(count / 10);
  const statuses = new Map<string, number>();
  await sendAll(cluster, prng, { count: first, kinds }, statuses);
  const before = await settledMemory(pids);
  await sendAll(cluster, prng, { count: count - first, kinds }, statuses);
  const after = await settledMemory(pids);
  const now = cluster.nodes().map((node) => cluster.pidOf(node));
  if (now.join() !== pids.join()) {
    throw new Error(`A node crashed: processes were ${pids.join()}, are ${now.join()}`);
  }
  await assertServes(cluster);
  say(`malformed: ${[...statuses].map(([what, times]) => `${what} ×${times}`).join(', ')}`);
  const growth = after.map((bytes, index) => bytes / (before[index] ?? 1));
  for (const [index, bytes] of after.entries()) {
    const from = mebibytes(before[index] ?? 0);
    say(`malformed: memory of node ${index + 1}: ${from} → ${mebibytes(bytes)} MiB`);
  }
  const most = Math.max(...growth);
  if (most > memoryGrowthMax) {
    throw new Error(`Memory grew ${most.toFixed(2)} × after the first tenth: at most 1.2 ×`);
  }
}

async function sendAll(
  cluster: ProcessCluster,
  prng: Prng,
  { count, kinds }: { readonly count: number; readonly kinds: readonly PortKind[] },
  statuses: Map<string, number>,
): Promise<void> {
  let left = count * kinds.length;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      const kind = kinds[left-- % kinds.length] as PortKind;
      const node = 1 + prng.below(cluster.nodeCount);
      const malformed = makeMalformed(kind, prng);
      const exchange = await exchangeBytes(portOf(cluster, kind, node), malformed);
      judge(kind, malformed, exchange);
      const what = exchange.state === 'answered' ? exchange.head.slice(9, 12) : exchange.state;
      const label = kind === 'peers' && exchange.state === 'answered' ? 'peer bytes' : what;
      statuses.set(label, (statuses.get(label) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: connectionsAtOnce }, worker));
}

function portOf(cluster: ProcessCluster, kind: PortKind, node: number): number {
  switch (kind) {
    case 'client':
      return cluster.clientPort(node);
    case 'peers':
      return cluster.peerPort(node);
    case 'operations':
      return cluster.opsPort(node);
  }
}

/** Throws unless the exchange is one that a malformed request may have. */
function judge(kind: PortKind, malformed: Malformed, exchange: Exchange): void {
  const isRefusal = /^HTTP\/1\.1 4\d\d /.test(exchange.head);
  const isFine =
    exchange.state === 'closed' ||
    (exchange.state === 'answered' && (isRefusal || (kind === 'peers' && !malformed.http))) ||
    // A half-sent request may wait for the server's own deadline.
    (exchange.state === 'open' && malformed.ends);
  if (!isFine) {
    const start = malformed.parts[0]?.subarray(0, 200).toString('latin1') ?? '';
    throw new Error(
      `Port of kind ${kind}, "${malformed.name}": ${exchange.state} ` +
        `${JSON.stringify(exchange.head.slice(0, 300))} to ${JSON.stringify(start)}`,
    );
  }
}

async function exchangeBytes(port: number, malformed: Malformed): Promise<Exchange> {
  return await new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let head = '';
    const finish = (state: Exchange['state']): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ head, state: head !== '' ? 'answered' : state });
    };
    const timer = setTimeout(() => {
      finish('open');
    }, exchangeMsMax);
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1', 0, 300);
      if (head.length >= 12 && malformed.http) {
        finish('answered');
      }
    });
    socket.on('error', () => {
      finish('closed');
    });
    socket.on('close', () => {
      finish('closed');
    });
    const send = async (): Promise<void> => {
      for (const part of malformed.parts) {
        if (!socket.writable) {
          return;
        }
        socket.write(part);
        if (malformed.parts.length > 1) {
          await wait(2);
        }
      }
      if (malformed.ends) {
        socket.end();
      }
    };
    socket.once('connect', () => void send());
  });
}

async function settledMemory(pids: readonly number[]): Promise<readonly number[]> {
  const least = pids.map(() => Infinity);
  const endAt = performance.now() + settleMs;
  while (performance.now() < endAt) {
    for (const [index, pid] of pids.entries()) {
      least[index] = Math.min(least[index] ?? Infinity, residentBytes(pid));
    }
    await wait(100);
  }
  return least;
}

/** A good request to each node, and the operations port, still work. */
async function assertServes(cluster: ProcessCluster): Promise<void> {
  const client = new KeyClient(5_000);
  for (const node of cluster.nodes()) {
    const url = cluster.clientUrl(node);
    const put = await client.call(url, 'after', { kind: 'put', value: `node ${node}` });
    if (put.kind !== 'answer') {
      throw new Error(`Cannot write through node ${node} afterwards: ${JSON.stringify(put)}`);
    }
  }
  client.close();
  await cluster.waitReady();
}

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(0);
}

if (import.meta.main) {
  exitOnInterrupt();
  const wanted = process.env['KINDS']?.split(',');
  await runMalformed({
    seed: chooseSeed(),
    count: Number(process.env['COUNT'] ?? 10_000),
    kinds: allKinds.filter((kind) => wanted?.includes(kind) ?? true),
  });
}
