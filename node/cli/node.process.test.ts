/**
 * A node as a real process. Goal: what it cannot use is refused in one clear line with exit code 1
 * and nothing is touched; a second signal ends it at once; with TLS everywhere a cluster of three
 * works, strangers are kept out and new certificates are used without a restart.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:https';
import { connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { AdminClient } from '../admin/grpc-admin-client.ts';
import { until } from '../test/processes/cluster.ts';
import { silentLogger } from '../sys/log.ts';
import { realTimers } from '../sys/real/timers.ts';
import { createAuthority, writeTlsFiles } from '../transport/test-certificates.ts';
import { TlsMaterial } from '../transport/tls.ts';
import type { TlsFiles } from '../transport/tls.ts';

const program = fileURLToPath(new URL('./dynakv.js', import.meta.url));
const firstPort = 18_300;
let folder = '';
const running = new Set<Run>();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dynakv-process-'));
});

afterEach(async () => {
  for (const run of running) {
    run.kill('SIGKILL');
    await run.ended;
  }
  running.clear();
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  readonly ended: Promise<number | string>;
  readonly text: () => string;
  readonly errors: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
}

function run(args: readonly string[]): Run {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { text: '', errors: '' };
  child.stdout.on('data', (bytes: Buffer) => {
    output.text += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    output.errors += bytes.toString();
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      resolve(code ?? signal ?? '');
    });
  });
  const started: Run = {
    ended,
    text: () => output.text,
    errors: () => output.errors,
    kill: (signal) => child.kill(signal),
  };
  running.add(started);
  return started;
}

/** Ports as a launcher gives them; `k` from 1. */
function portsOf(k: number): { client: number; peer: number; ops: number } {
  return { client: firstPort + k, peer: firstPort + 20 + k, ops: firstPort + 40 + k };
}

function nodeArgs(k: number, more: readonly string[] = []): string[] {
  const { client, peer, ops } = portsOf(k);
  return [
    ...['node', '--data', join(folder, `n${k}`), '--client-listen', `127.0.0.1:${client}`],
    ...['--peer-listen', `127.0.0.1:${peer}`, '--ops-listen', `127.0.0.1:${ops}`, ...more],
  ];
}

function plant(name: string, content: object): void {
  mkdirSync(join(folder, 'n1'), { recursive: true });
  writeFileSync(join(folder, 'n1', name), JSON.stringify(content));
}

const identity = { clusterId: 'c', nodeId: 1, storeId: 's', createdAt: '2026-01-01T00:00:00Z' };

describe('dynakv node refuses', () => {
  test.each([
    [
      'data of a newer format',
      (): void => {
        plant('identity.json', { ...identity, formatVersion: 99 });
      },
      /its format 99 is newer than this program's/,
    ],
    [
      'a quarantined store, with the reason',
      (): void => {
        plant('identity.json', { ...identity, formatVersion: 1 });
        plant('quarantine.json', { reason: 'EIO at noon', at: '2026-01-01T00:00:00Z' });
      },
      /it is quarantined since 2026-01-01T00:00:00Z: EIO at noon/,
    ],
    [
      'a folder with other files',
      (): void => {
        plant('letters.txt', {});
      },
      /it is not empty \(letters\.txt\) and has no identity\.json/,
    ],
  ])('%s', async (_what, prepare, line) => {
    prepare();
    const before = readdirSync(join(folder, 'n1'));
    const node = run(nodeArgs(1));
    expect(await node.ended).toBe(1);
    expect(node.errors()).toMatch(line);
    expect(node.errors().trim().split('\n')).toHaveLength(1);
    expect(readdirSync(join(folder, 'n1'))).toEqual(before);
  });

  test.each(['client', 'peer', 'ops'] as const)('a busy %s port', async (door) => {
    const server = createServer();
    const port = portsOf(1)[door];
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const node = run(nodeArgs(1));
    expect(await node.ended).toBe(1);
    expect(node.errors()).toContain(`127.0.0.1:${port}`);
    expect(node.errors().trim().split('\n')).toHaveLength(1);
    expect(existsSync(join(folder, 'n1'))).toBe(false);
    await new Promise((resolve) => server.close(resolve));
  });

  test('addresses beyond loopback without TLS, and every other problem in the same breath', async () => {
    const node = run([
      ...['node', '--client-listen', '0.0.0.0:1', '--peer-listen', '0.0.0.0:2'],
      ...['--peer-tls-cert', 'x', '--heartbeat-ticks', '9', '--election-ticks', '10'],
    ]);
    expect(await node.ended).toBe(1);
    for (const part of [
      'without TLS: --client-listen is 0.0.0.0:1',
      '--peer-tls-key, --peer-tls-ca missing',
      'Cannot use --heartbeat-ticks',
    ]) {
      expect(node.errors()).toContain(part);
    }
  });

  test('TLS files that are not there', async () => {
    const missing = join(folder, 'no.pem');
    const files = ['--peer-tls-cert', missing, '--peer-tls-key', missing, '--peer-tls-ca', missing];
    const node = run(nodeArgs(1, files));
    expect(await node.ended).toBe(1);
    expect(node.errors()).toContain(missing);
    expect(existsSync(join(folder, 'n1'))).toBe(false);
  });
});

describe('dynakv node', () => {
  test('ends in order when told, at once when told again', async () => {
    const node = run(nodeArgs(1));
    await until(() => node.text().includes('Waiting to be made a member'), 15_000, 'it waits');
    // A connection that never ends would hold it for the whole stop timeout.
    const slow = run(nodeArgs(2));
    await until(() => slow.text().includes('Waiting to be made a member'), 15_000, 'it waits');
    const socket = connectTcp(portsOf(2).client, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('PUT /key/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1');
    await until(() => socket.bytesWritten > 0, 5_000, 'the request is under way');
    node.kill('SIGTERM');
    expect(await node.ended).toBe(0);
    slow.kill('SIGTERM');
    await until(() => slow.text().includes('Stopping'), 5_000, 'it stops');
    slow.kill('SIGTERM');
    expect(await slow.ended).toBe(1);
    socket.destroy();
  });
});

function tlsArgs(files: TlsFiles): string[] {
  return [
    ...['--peer-tls-cert', files.certFile, '--peer-tls-key', files.keyFile],
    ...['--peer-tls-ca', files.caFile],
    ...['--client-tls-cert', files.certFile, '--client-tls-key', files.keyFile],
  ];
}

async function put(k: number, ca: string, id: string): Promise<number> {
  return await new Promise((resolve) => {
    const { client: port } = portsOf(k);
    const call = request(
      { host: '127.0.0.1', port, path: `/key/${id}`, method: 'PUT', ca: readFileSync(ca) },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    call.on('error', () => {
      resolve(0);
    });
    call.end('1');
  });
}

/** The serial number of the certificate that a port shows. */
async function serialAt(port: number, files: TlsFiles): Promise<string> {
  return await new Promise((resolve) => {
    const [ca, cert, key] = [files.caFile, files.certFile, files.keyFile].map((file) =>
      readFileSync(file),
    );
    const socket = connect(
      { host: '127.0.0.1', port, ca, cert, key, ALPNProtocols: ['h2', 'http/1.1'] },
      () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      },
    );
    socket.on('error', () => {
      resolve('');
    });
  });
}

describe('three nodes with TLS everywhere', () => {
  test('work, keep strangers out, and take new certificates without a restart', async () => {
    const authority = await createAuthority('own');
    const [stranger, own] = [await createAuthority('strange'), { signer: authority }];
    const files = await Promise.all(
      [1, 2, 3].map(async (k) => await writeTlsFiles(folder, `n${k}`, own)),
    );
    const person = await writeTlsFiles(folder, 'person', own);
    const odd = await writeTlsFiles(folder, 'odd', { signer: stranger, trusted: [authority] });
    const nodes = files.map((each, i) => run(nodeArgs(i + 1, tlsArgs(each))));
    for (const node of nodes) {
      await until(() => node.text().includes('Waiting to be made'), 30_000, 'a node waits');
    }
    const address = `127.0.0.1:${portsOf(1).peer}`;
    const members = [1, 2, 3].map((k) => ({
      nodeId: k,
      address: `127.0.0.1:${portsOf(k).peer}`,
      clientAddress: `127.0.0.1:${portsOf(k).client}`,
      opsAddress: `127.0.0.1:${portsOf(k).ops}`,
    }));
    const plan = {
      clusterId: 'tls',
      members,
      shardCount: 2,
      replicationFactor: 3,
      createdAtMs: Date.now(),
    };
    for (const bad of [undefined, odd]) {
      const channels =
        bad && (await TlsMaterial.open({ files: bad, timers: realTimers, log: silentLogger }));
      const client = new AdminClient({
        address,
        deadlineMs: 1_000,
        ...(channels === undefined ? {} : { channels }),
      });
      await expect(client.init(plan)).rejects.toThrow();
      client.close();
      channels?.close();
    }
    const channels = await TlsMaterial.open({
      files: person,
      timers: realTimers,
      log: silentLogger,
    });
    const admin = new AdminClient({ address, channels });
    await admin.init(plan);
    admin.close();
    channels.close();
    for (const k of [1, 2, 3]) {
      await until(async () => (await put(k, person.caFile, `k${k}`)) === 201, 20_000, 'a put');
    }
    const status = run([
      ...['status', '--endpoint', address, '--tls-ca', person.caFile],
      ...['--tls-cert', person.certFile, '--tls-key', person.keyFile],
    ]);
    expect(await status.ended).toBe(0);
    expect(status.text()).toContain('3 of 3 active');
    const plain = run(['status', '--endpoint', address]);
    expect(await plain.ended).toBe(1);
    expect(plain.errors()).toContain(`Cannot ask the node at ${address}`);
    const ports = [portsOf(2).client, portsOf(2).peer];
    const before = await Promise.all(ports.map(async (port) => await serialAt(port, person)));
    expect(before).not.toContain('');
    await Promise.all([1, 2, 3].map(async (k) => await writeTlsFiles(folder, `n${k}`, own)));
    for (const [i, port] of ports.entries()) {
      const isNew = async (): Promise<boolean> => {
        const serial = await serialAt(port, person);
        return serial !== '' && serial !== before[i];
      };
      await until(isNew, 20_000, `port ${port} shows the new certificate`);
    }
    expect(await put(2, person.caFile, 'after')).toBe(201);
    for (const node of nodes) {
      node.kill('SIGTERM');
    }
    expect(await Promise.all(nodes.map(async (node) => await node.ended))).toEqual([0, 0, 0]);
  });
});
