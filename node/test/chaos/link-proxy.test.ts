// Goal: a link does what it is told and otherwise passes every byte in order, with bounded memory.
// Method: a server that echoes, and a client behind the proxy.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { Prng } from '../../lib/prng.ts';
import { until } from '../processes/cluster.ts';
import { LinkProxy, openLink } from './link-proxy.ts';

let server: Server;
let proxy: LinkProxy;
const sockets = new Set<Socket>();

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await LinkProxy.start((server.address() as AddressInfo).port);
});

afterEach(async () => {
  await proxy.stop();
  for (const socket of sockets) {
    socket.destroy();
  }
  await new Promise((resolve) => server.close(resolve));
});

/** A connection through the proxy with all that came back, and how it ended. */
class Caller {
  readonly socket: Socket;
  readonly received: Buffer[] = [];
  ended: string | undefined;

  constructor() {
    this.socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
    sockets.add(this.socket);
    this.socket.on('data', (bytes: Buffer) => this.received.push(bytes));
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.ended = error.code ?? 'error';
    });
    this.socket.on('end', () => {
      this.ended ??= 'end';
    });
  }

  get text(): string {
    return Buffer.concat(this.received).toString('latin1');
  }

  async hears(text: string): Promise<void> {
    await until(() => this.text === text, 10_000, `"${text}" comes back`);
  }
}

describe('LinkProxy', () => {
  test('passes bytes in order, many at once, and an end', async () => {
    const caller = new Caller();
    const block = new Prng(1).bytes(10_007);
    const bytes = Buffer.concat(Array.from({ length: 300 }, () => block));
    caller.socket.end(bytes);
    await until(() => caller.ended === 'end', 20_000, 'the connection ends');
    expect(Buffer.concat(caller.received).equals(bytes)).toBe(true);
  });

  test('a silent link holds bytes back and passes them on later', async () => {
    const caller = new Caller();
    caller.socket.write('one ');
    await caller.hears('one ');
    for (const part of [{ silentThere: true }, { silentBack: true }]) {
      caller.received.length = 0;
      proxy.set({ ...openLink, ...part });
      caller.socket.write('two ');
      const other = new Caller(); // Its bytes are held too.
      other.socket.write('other');
      await until(() => other.socket.bytesWritten === 5, 5_000, 'the bytes are written');
      expect([caller.text, other.text]).toEqual(['', '']);
      proxy.set(openLink);
      await caller.hears('two ');
      await other.hears('other');
    }
  });

  test('a cut link resets what is there and what comes', async () => {
    const caller = new Caller();
    caller.socket.write('one');
    await caller.hears('one');
    proxy.set({ ...openLink, cut: true });
    await until(() => caller.ended === 'ECONNRESET', 5_000, 'the connection is reset');
    const late = new Caller();
    await until(() => late.ended === 'ECONNRESET', 5_000, 'the next is reset');
    proxy.set(openLink);
    const healed = new Caller();
    healed.socket.write('again');
    await healed.hears('again');
  });

  test('a slow link takes its time', async () => {
    proxy.set({ ...openLink, delayMs: 60, bytesPerSecond: 100_000 });
    const caller = new Caller();
    const startedAt = performance.now();
    caller.socket.write('x'.repeat(10_000));
    await caller.hears('x'.repeat(10_000));
    // There and back: 60 ms and a tenth of a second each.
    expect(performance.now() - startedAt).toBeGreaterThan(300);
  });

  test('is reset when nobody listens behind it', async () => {
    await new Promise((resolve) => server.close(resolve));
    const caller = new Caller();
    await until(() => caller.ended === 'ECONNRESET', 5_000, 'the connection is reset');
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
});
