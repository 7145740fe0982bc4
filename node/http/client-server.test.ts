/**
 * The server around both doors: dispatch, limits, slow senders, what is not HTTP, orderly close.
 * Timeouts are set to a few tens of milliseconds and waited for by the connection's end.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { connect } from 'node:net';
import type { RequestListener } from 'node:http';
import { TestClient } from './testing-client.ts';
import type { TestClientOptions } from './testing-client.ts';

const clients: TestClient[] = [];

async function start(options: TestClientOptions = {}): Promise<TestClient> {
  const client = new TestClient(options);
  clients.push(client);
  await client.start();
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) {
    await client.stop();
    expect(client.faults).toEqual([]);
  }
});

describe('HttpServer', () => {
  test('sends requests with X-Amz-Target to the DynamoDB handler, all others to the app', async () => {
    const dynamo: RequestListener = (request, response) => {
      request.resume();
      response.end(`dynamo ${String(request.headers['x-amz-target'])}`);
    };
    const client = await start({ dynamo });
    const target = { 'X-Amz-Target': 'DynamoDB_20120810.ListTables' };
    expect((await client.send('POST', '/', '{}', target)).text).toBe(
      'dynamo DynamoDB_20120810.ListTables',
    );
    expect((await client.send('GET', '/key/a')).status).toBe(404);
  });

  test.each([
    ['half a request line', 'GET /key', 408],
    ['half a header', 'GET /key/a HTTP/1.1\r\nHost: x\r\nX: ', 408],
    ['half a body', 'PUT /key/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"a', 408],
  ])('closes a connection that sends %s and no more', async (_what, bytes, status) => {
    const client = await start({
      limits: { headersTimeoutMs: 50, requestTimeoutMs: 50, checkPeriodMs: 10 },
    });
    expect(await client.raw(bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('closes a connection that sends nothing', async () => {
    const client = await start({ limits: { idleMs: 30 } });
    expect(await client.raw('')).toBe('');
  });

  test('closes a connection that sends a byte now and then', async () => {
    const client = await start({
      limits: { headersTimeoutMs: 60, requestTimeoutMs: 60, checkPeriodMs: 10 },
    });
    const received = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(client.port, '127.0.0.1', () => {
        socket.write('GET / HTTP/1.1\r\n');
      });
      const drip = setInterval(() => socket.write('X'), 5);
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearInterval(drip);
        resolve(text);
      });
    });
    expect(received).toMatch(/^HTTP\/1.1 408 |^$/);
  });

  test.each([
    ['random bytes', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n', 400],
    ['a header without a name', 'GET / HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    [
      'two lengths',
      'PUT /key/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n1',
      400,
    ],
    [
      'a length and chunks',
      'PUT /key/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1',
      400,
    ],
    [
      'a broken chunk',
      'PUT /key/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    ['large headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('answers %s with a 4xx and closes', async (_what, bytes, status) => {
    const client = await start();
    expect(await client.raw(bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('closes CONNECT and does not mind clients that go away', async () => {
    const client = await start();
    expect(await client.raw('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
    await client.raw('PUT /key/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"a', true);
    expect((await client.send('GET', '/')).status).toBe(200);
  });

  test('closes connections above the limit at once', async () => {
    const client = await start({ limits: { connectionsMax: 1, idleMs: 10_000 } });
    const first = connect(client.port, '127.0.0.1');
    await new Promise((resolve) => first.once('connect', resolve));
    first.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => first.once('data', resolve));
    expect(await client.raw('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
    first.destroy();
  });

  test('lets a request in flight finish when it closes, and takes no new ones', async () => {
    let finish = (): void => undefined;
    const arrived = new Promise<void>((resolve) => {
      const dynamo: RequestListener = (_request, response) => {
        finish = () => {
          response.end('done');
        };
        resolve();
      };
      void start({ dynamo }).then((client) => {
        answer = client.send('GET', '/', '', { 'X-Amz-Target': 'x' });
      });
    });
    let answer: Promise<{ text: string }> | undefined;
    await arrived;
    const client = clients[0];
    const closed = client?.server.close(10_000);
    await expect(client?.send('GET', '/', '', { Connection: 'close' })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    finish();
    expect((await answer)?.text).toBe('done');
    await closed;
    clients.length = 0;
  });

  test('cuts requests that outlast the grace', async () => {
    let answer: Promise<unknown> | undefined;
    const arrived = new Promise<TestClient>((resolve) => {
      const dynamo: RequestListener = () => {
        resolve(clients[0] as TestClient);
      };
      void start({ dynamo }).then((client) => {
        answer = client.send('GET', '/', '', { 'X-Amz-Target': 'x' });
        answer.catch(() => undefined);
      });
    });
    const client = await arrived;
    await client.server.close(20);
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
    clients.length = 0;
  });

  test('rejects a port that is taken', async () => {
    const client = await start();
    const other = new TestClient();
    await expect(
      other.server.listen({ host: '127.0.0.1', port: client.port }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
