/**
 * One node in this process: real ports, real files, the memory engine, a disk that fails when
 * told. Goal: births refuse what is not the same plan, an fsync error quarantines for good, stops
 * come at any moment. Loopback only, ports chosen by the system.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '../admin/grpc-admin-client.ts';
import { parseNodeOptions } from '../config/parse-options.ts';
import { series } from '../metrics/names.ts';
import type { SeriesKey } from '../metrics/names.ts';
import { MemoryStore } from '../storage/memory-store.ts';
import { socketFolderLock } from '../storage/folder-lock.ts';
import type { Disk, DiskFile } from '../sys/disk.ts';
import { silentLogger } from '../sys/log.ts';
import { realClock } from '../sys/real/clock.ts';
import { RealDisk } from '../sys/real/disk.ts';
import { realRandom } from '../sys/real/random.ts';
import { realTimers } from '../sys/real/timers.ts';
import { until } from '../test/processes/cluster.ts';
import { NodeProcess } from './node-process.ts';
import type { NodeWorld } from './node-world.ts';

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  await until(holds, 10_000, holds.toString());
}

let folder = '';
const closers: (() => Promise<unknown> | undefined)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dynakv-node-'));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) {
    await close();
  }
  rmSync(folder, { recursive: true, force: true });
});

/** The real disk, until `broken`: then no sync succeeds. */
class BreakableDisk extends RealDisk implements Disk {
  broken = false;
  /** Called before each sync of the log. */
  onLogSync: () => void = () => undefined;

  override async open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    const file = await super.open(path, mode);
    const beforeSync = (): void => {
      if (path.includes('/log/')) {
        this.onLogSync();
        if (this.broken) {
          throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
        }
      }
    };
    const datasync = file.datasync.bind(file);
    file.datasync = async (): Promise<void> => {
      beforeSync();
      await datasync();
    };
    const writeDurably = file.writeDurably.bind(file);
    file.writeDurably = async (bytes, position): Promise<void> => {
      beforeSync();
      await writeDurably(bytes, position);
    };
    return file;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Life {
  readonly node: NodeProcess;
  readonly ended: Promise<number>;
  readonly stop: AbortController;
  readonly admin: AdminClient;
  readonly clientUrl: string;
  readonly opsUrl: string;
  readonly address: string;
  readonly disk: BreakableDisk;
}

interface Machine {
  readonly ports: readonly number[];
  store: MemoryStore;
}

async function newMachine(): Promise<Machine> {
  return {
    ports: [await freePort(), await freePort(), await freePort()],
    store: new MemoryStore(),
  };
}

/** Starts a process of the machine. Its folder's emptying empties the memory engine too. */
function start(machine: Machine, more: readonly string[] = []): Life {
  const [client, peer, ops] = machine.ports.map((port) => `127.0.0.1:${port}`);
  const parsed = parseNodeOptions(
    [
      ...['--data', join(folder, 'data'), '--client-listen', client ?? ''],
      ...['--peer-listen', peer ?? '', '--ops-listen', ops ?? '', '--log-segment-bytes', '1M'],
      ...['--stop-timeout-ms', '1000', ...more],
    ],
    {},
  );
  if (!parsed.ok) {
    throw new Error(parsed.problems.join('\n'));
  }
  const stop = new AbortController();
  const disk = new BreakableDisk();
  const world: NodeWorld = {
    version: 'test',
    disk,
    lock: socketFolderLock,
    clock: realClock,
    timers: realTimers,
    random: realRandom,
    logger: silentLogger,
    openEngine: () => Promise.resolve(machine.store.open({ timers: realTimers })),
    stop: stop.signal,
  };
  const node = new NodeProcess(parsed.options, world);
  const ended = node.run();
  ended.catch(() => undefined);
  const admin = new AdminClient({ address: peer ?? '', deadlineMs: 5_000 });
  closers.push(async () => {
    stop.abort();
    admin.close();
    await ended.catch(() => undefined);
  });
  const [clientUrl, opsUrl] = [`http://${client ?? ''}`, `http://${ops ?? ''}`];
  return { node, ended, stop, admin, clientUrl, opsUrl, address: peer ?? '', disk };
}

function planOf(life: Life, changes: object = {}): Parameters<AdminClient['init']>[0] {
  return {
    clusterId: 'c1',
    members: [{ nodeId: 1, address: life.address, clientAddress: 'c:1', opsAddress: 'o:1' }],
    shardCount: 2,
    replicationFactor: 3,
    createdAtMs: 1_700_000_000_000,
    ...changes,
  };
}

async function answers(life: Life): Promise<string> {
  let state = '';
  await eventually(async () => {
    state = await life.admin.identify().then(
      (identity) => identity.state,
      () => '',
    );
    return state !== '';
  });
  return state;
}

async function put(life: Life, id: string): Promise<number> {
  const url = `${life.clientUrl}/key/${id}`;
  const response = await fetch(url, { method: 'PUT', body: '1' });
  await response.arrayBuffer();
  return response.status;
}

async function born(life: Life): Promise<void> {
  expect(await answers(life)).toBe('empty');
  await life.admin.init(planOf(life));
  await eventually(async () => (await put(life, 'first')) < 300);
}

describe('NodeProcess', () => {
  test('told to stop it is not ready at once, and serves on for the delay', async () => {
    const life = start(await newMachine(), ['--stop-delay-ms', '1500']);
    await born(life);
    life.stop.abort();
    await eventually(async () => (await fetch(`${life.opsUrl}/readyz`)).status === 503);
    const url = `${life.clientUrl}/key/late`;
    const response = await fetch(url, { method: 'PUT', body: '2' });
    expect(response.ok).toBe(true);
    expect(response.headers.get('connection')).toBe('close');
    expect(await life.ended).toBe(0);
    await expect(put(life, 'later')).rejects.toThrow();
  });

  test('an empty node serves nothing but its admin calls, and becomes a member once', async () => {
    const life = start(await newMachine());
    expect(await answers(life)).toBe('empty');
    expect(await put(life, 'a')).toBe(503);
    expect((await fetch(`${life.opsUrl}/readyz`)).status).toBe(503);
    await expect(life.admin.status()).rejects.toMatchObject({
      facts: { reason: 'NotInitialized' },
    });
    await born(life);
    expect((await fetch(`${life.opsUrl}/readyz`)).status).toBe(200);
    const plan = planOf(life);
    await expect(life.admin.bootstrap({ plan, nodeId: 1 })).resolves.toMatchObject({
      created: false,
    });
    for (const other of [{ clusterId: 'c2' }, { createdAtMs: 5 }, { shardCount: 4 }]) {
      const init = life.admin.init(planOf(life, other));
      await expect(init).rejects.toMatchObject({ facts: { reason: 'AlreadyMember' } });
    }
    life.stop.abort();
    expect(await life.ended).toBe(0);
  });

  test('two plans at once: one wins whole, the other is refused', async () => {
    const life = start(await newMachine());
    expect(await answers(life)).toBe('empty');
    const plans = [planOf(life), planOf(life, { createdAtMs: 1_700_000_000_001 })];
    const outcomes = await Promise.allSettled(
      plans.map(async (plan) => await life.admin.bootstrap({ plan, nodeId: 1 })),
    );
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['fulfilled', 'rejected']);
    const created = life.node.core?.catalog.cluster.createdAtMs;
    const winner = outcomes.findIndex((outcome) => outcome.status === 'fulfilled');
    expect(created).toBe(plans[winner]?.createdAtMs);
  });

  test('Init tells nobody anything while a member cannot be reached', async () => {
    const life = start(await newMachine());
    expect(await answers(life)).toBe('empty');
    const away = `127.0.0.1:${await freePort()}`;
    const members = [
      { nodeId: 1, address: life.address },
      { nodeId: 2, address: away },
    ];
    const init = life.admin.init(planOf(life, { members }));
    await expect(init).rejects.toMatchObject({ facts: { reason: 'MemberFailed' } });
    expect((await life.admin.identify()).state).toBe('empty');
  });

  test('an empty disk is promised once, and a plan for another store is refused (O9)', async () => {
    const machine = await newMachine();
    const life = start(machine);
    expect(await answers(life)).toBe('empty');
    const promise = { clusterId: 'c1', nodeId: 1 };
    const { storeId } = await life.admin.reserve(promise);
    expect(await life.admin.reserve(promise)).toMatchObject({ storeId });
    expect(await life.admin.identify()).toMatchObject({ state: 'reserved', ...promise, storeId });
    await expect(life.admin.reserve({ clusterId: 'c2', nodeId: 1 })).rejects.toMatchObject({
      facts: { reason: 'AlreadyReserved' },
    });
    life.stop.abort();
    await life.ended;
    const again = start(machine);
    expect(await answers(again)).toBe('reserved');
    const members = [{ nodeId: 1, address: again.address, storeId: 'another' }];
    await expect(again.admin.init(planOf(again, { members }))).rejects.toMatchObject({
      facts: { reason: 'OtherStore' },
    });
    await expect(
      again.admin.bootstrap({ plan: planOf(again, { members }), nodeId: 1 }),
    ).rejects.toMatchObject({ facts: { reason: 'OtherStore' } });
    expect(await answers(again)).toBe('reserved');
    await again.admin.init(planOf(again));
    expect(await again.admin.reserve(promise)).toMatchObject({ storeId });
    expect(again.node.core?.catalog.nodes.get(1)).toMatchObject({ storeId });
  });

  test('all that is wrong with a plan is named at once', async () => {
    const life = start(await newMachine());
    expect(await answers(life)).toBe('empty');
    const init = life.admin.init({ clusterId: '', members: [] });
    await expect(init).rejects.toMatchObject({
      facts: { reason: 'InvalidPlan' },
      message: expect.stringMatching(/"members".*"shardCount".*"createdAtMs".*"clusterId"/),
    });
  });

  test('told to stop during a birth it ends in order; the next start is a member', async () => {
    const machine = await newMachine();
    const life = start(machine);
    expect(await answers(life)).toBe('empty');
    const notes: boolean[] = [];
    life.disk.onLogSync = (): void => {
      notes.push(existsSync(join(folder, 'data', 'birth.json')));
      life.stop.abort();
    };
    const birth = life.admin.bootstrap({ plan: planOf(life), nodeId: 1 }).catch(() => undefined);
    expect(await life.ended).toBe(0);
    expect(notes[0]).toBe(true);
    await birth;
    expect(existsSync(join(folder, 'data', 'birth.json'))).toBe(false);
    const again = start(machine);
    expect(await answers(again)).toBe('member');
    await eventually(async () => (await put(again, 'a')) < 300);
  });

  test('told to stop while it starts, it ends in order', async () => {
    const life = start(await newMachine());
    life.stop.abort();
    expect(await life.ended).toBe(0);
  });

  test('an fsync error ends the process for good: noted on disk, refused at the next start', async () => {
    const machine = await newMachine();
    const life = start(machine);
    await born(life);
    life.disk.broken = true;
    expect(await put(life, 'b')).toBeGreaterThanOrEqual(500);
    expect(await life.ended).toBe(1);
    expect(existsSync(join(folder, 'data', 'quarantine.json'))).toBe(true);
    machine.store.kill();
    const again = start(machine);
    await expect(again.ended).rejects.toMatchObject({
      code: 'Quarantined',
      message: expect.stringMatching(/it is quarantined since .*: .*EIO/s),
    });
  });

  test('a second process of the same folder is refused and changes nothing', async () => {
    const machine = await newMachine();
    const life = start(machine);
    await born(life);
    const other = start({ ...(await newMachine()), store: new MemoryStore() });
    await expect(other.ended).rejects.toMatchObject({
      message: expect.stringContaining('another process has it'),
    });
    expect(await put(life, 'c')).toBe(201);
  });

  test('every series of this node is on /metrics', async () => {
    const life = start(await newMachine());
    await born(life);
    await put(life, 'd');
    const look = async (): Promise<string> => await (await fetch(`${life.opsUrl}/metrics`)).text();
    await look();
    const text = await look();
    // A node without peers has no series of them.
    const seldom: ReadonlySet<SeriesKey> = new Set(['peerConnected', 'peerDrops']);
    for (const [key, { name }] of Object.entries(series)) {
      const isShown = new RegExp(`^${name}(_count)?(\\{.*\\})? `, 'm').test(text);
      expect([key, isShown || seldom.has(key as SeriesKey)]).toEqual([key, true]);
    }
    for (const fed of ['log_written_bytes_total', 'disk_free_bytes', 'raft_leaderships_total']) {
      expect(text).toMatch(new RegExp(`^dynakv_${fed} [1-9]`, 'm'));
    }
    expect(text).toMatch(/^dynakv_raft_proposals_total\{outcome="accepted"\} [1-9]/m);
    expect(text).toMatch(/^dynakv_ready 1$/m);
    expect(text).toMatch(/^dynakv_raft_groups\{role="leader"\} 3$/m);
    expect(text).toMatch(/^dynakv_log_sync_seconds_count [1-9]/m);
  });
});
