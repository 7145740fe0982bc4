/**
 * Goal: the probe ends when a write was served and not before, on any port. Method: a server that
 * refuses at first.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { waitForWrites } from './write-probe.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Answers as told, one after the other, then 200. The URL, or undefined if the port is taken. */
async function serve(
  statuses: readonly (number | 'reset')[],
  seen: string[],
  port = 0,
): Promise<string | undefined> {
  const answers = [...statuses];
  const server = createServer((incoming, outgoing) => {
    seen.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
    incoming.resume();
    const status = answers.shift() ?? 200;
    if (status === 'reset') {
      incoming.socket.destroy();
    } else {
      outgoing.writeHead(status).end('{}');
    }
  });
  servers.push(server);
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(true);
    });
  });
  return isListening ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : undefined;
}

describe('waitForWrites()', () => {
  test('tries again until a write and its removal were served', async () => {
    const seen: string[] = [];
    const url = (await serve([503, 'reset', 201, 500, 200, 204], seen)) ?? '';
    await waitForWrites(url, 'n1', new AbortController().signal);
    const path = '/key/dynakv-probe-n1';
    expect(seen).toEqual(
      ['PUT', 'PUT', 'PUT', 'DELETE', 'PUT', 'DELETE'].map((method) => `${method} ${path}`),
    );
  });

  test('asks on ports that browsers avoid', async () => {
    const seen: string[] = [];
    let url: string | undefined;
    for (const port of [10_080, 6_666, 6_667, 6_668, 6_669, 6_697]) {
      url ??= await serve([201], seen, port);
    }
    await waitForWrites(url ?? '', 'n1', new AbortController().signal);
    expect(seen).toHaveLength(2);
  });

  test('ends when it is told to', async () => {
    const over = new AbortController();
    const seen: string[] = [];
    const url =
      (await serve(
        Array.from({ length: 1_000 }, () => 503),
        seen,
      )) ?? '';
    const waiting = waitForWrites(url, 'n1', over.signal);
    over.abort();
    await waiting;
    expect(seen.length).toBeLessThanOrEqual(1);
  });
});
