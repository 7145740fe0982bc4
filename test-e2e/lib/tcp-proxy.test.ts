import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer, createConnection } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { EventEmitter, once } from 'node:events';
import { TcpProxy } from './tcp-proxy.ts';

/** An echo server behind the proxy, and a client of the proxy. */
describe('TcpProxy', () => {
  let server: Server;
  let proxy: TcpProxy;
  let received: EventEmitter;
  const clients: Socket[] = [];
  const serverPort = (): number => (server.address() as AddressInfo).port;

  beforeEach(async () => {
    received = new EventEmitter();
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => received.emit('data', chunk));
      socket.pipe(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await TcpProxy.start({ host: '127.0.0.1', port: serverPort() });
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) {
      client.destroy();
    }
    await proxy.close();
    await new Promise((resolve) => server.close(resolve));
  });

  async function connect(): Promise<Socket> {
    const client = createConnection({ host: '127.0.0.1', port: proxy.port });
    client.on('error', () => undefined);
    clients.push(client);
    await once(client, 'connect');
    return client;
  }

  async function echo(client: Socket, text: string): Promise<string> {
    client.write(text);
    const [chunk] = (await once(client, 'data')) as [Buffer];
    return chunk.toString();
  }

  test('passes bytes both ways', async () => {
    expect(await echo(await connect(), 'hello')).toBe('hello');
  });

  test('silence hits connections that are open, new ones work, none is closed', async () => {
    const old = await connect();
    expect(await echo(old, 'before')).toBe('before');
    proxy.silenceOpen();
    let heard = '';
    old.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    old.write('into the void');
    expect(await echo(await connect(), 'new')).toBe('new');
    expect(heard).toBe('');
    expect(old.destroyed).toBe(false);
  });

  test('silent and refuse are modes for connections to come too', async () => {
    proxy.setMode('refuse');
    const refused = await connect();
    await once(refused, 'close');
    proxy.setMode('pass');
    expect(await echo(await connect(), 'again')).toBe('again');
  });

  test('cut() breaks what is open', async () => {
    const client = await connect();
    expect(await echo(client, 'x')).toBe('x');
    const closed = once(client, 'close');
    proxy.cut();
    await closed;
    expect(proxy.connections).toBe(0);
  });

  test('a smaller lag does not overtake a larger one', async () => {
    const client = await connect();
    let heard = '';
    const all = new Promise<void>((resolve) => {
      client.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
        if (heard.length === 2) {
          resolve();
        }
      });
    });
    const echoed = new Promise((resolve) => received.once('data', resolve));
    proxy.lagMs = 100;
    client.write('1');
    await echoed;
    // One more turn through the server, so that the proxy surely has the echo and holds it back.
    await direct();
    proxy.lagMs = 0;
    client.write('2');
    await all;
    expect(heard).toBe('12');
  });

  async function direct(): Promise<void> {
    const client = createConnection({ host: '127.0.0.1', port: serverPort() });
    clients.push(client);
    await once(client, 'connect');
    expect(await echo(client, 'x')).toBe('x');
  }
});
