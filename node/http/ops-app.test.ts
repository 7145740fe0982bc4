import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { request as httpRequest } from 'node:http';
import { silentLogger } from '../sys/log.ts';
import { HttpServer } from './client-server.ts';
import { createOpsApp } from './ops-app.ts';
import type { CheckResult } from './ops-app.ts';

let ready: CheckResult = { ok: false, detail: 'Replicas open: 3 of 16' };
let port = 0;
const server = new HttpServer({
  logger: silentLogger,
  app: createOpsApp({
    metrics: {
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      metrics: () => Promise.resolve('dynakv_up 1\n'),
    },
    liveness: [{ name: 'loop', check: () => ({ ok: true, detail: 'Turns' }) }],
    readiness: [
      { name: 'replicas', check: () => ready },
      {
        name: 'store',
        check: () => {
          throw new Error('No store');
        },
      },
    ],
    requestIds: () => 'REQUEST1',
    logger: silentLogger,
  }),
});

beforeAll(async () => {
  ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
});

afterAll(async () => {
  await server.close(0);
});

function send(
  method: string,
  path: string,
): Promise<{ status: number; type: string; text: string; allow: string | undefined }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          text,
          allow: response.headers.allow,
        });
      });
    });
    request.on('error', reject);
    request.end();
  });
}

describe('createOpsApp()', () => {
  test('serves the metrics with their content type', async () => {
    expect(await send('GET', '/metrics')).toMatchObject({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      text: 'dynakv_up 1\n',
    });
  });

  test('is live and not ready by named checks', async () => {
    const live = await send('GET', '/livez');
    expect(live.status).toBe(200);
    expect(JSON.parse(live.text)).toEqual({
      status: 'ok',
      checks: [{ name: 'loop', ok: true, detail: 'Turns' }],
    });
    ready = { ok: true, detail: 'Replicas open: 16 of 16' };
    const notReady = await send('GET', '/readyz');
    expect(notReady.status).toBe(503);
    expect(JSON.parse(notReady.text)).toEqual({
      status: 'failing',
      checks: [
        { name: 'replicas', ok: true, detail: 'Replicas open: 16 of 16' },
        { name: 'store', ok: false, detail: 'The check failed: No store' },
      ],
    });
  });

  test('answers other methods and paths with problems', async () => {
    expect(await send('POST', '/metrics')).toMatchObject({ status: 405, allow: 'GET, HEAD' });
    expect(await send('GET', '/')).toMatchObject({ status: 404, type: 'application/problem+json' });
    expect(await send('HEAD', '/livez')).toMatchObject({ status: 200, text: '' });
  });
});
