/**
 * Malformed input on the client port: random bytes, damaged HTTP, odd paths and bodies. Each is
 * answered with a status below 500 or its connection is closed; none is a fault of the program,
 * and the server goes on serving. The sequence is drawn from a fixed seed.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Prng } from '../lib/prng.ts';
import { TestClient } from './testing-client.ts';

const seed = 9110;
const timeoutMs = 600_000;
const prng = new Prng(seed);
const client = new TestClient({
  limits: {
    headersTimeoutMs: 100,
    requestTimeoutMs: 100,
    checkPeriodMs: 20,
    idleMs: 200,
    keepAliveMs: 50,
  },
  discardBytesMax: 1_000_000,
});
/** With time enough for whole bodies, however busy the machine is. */
const patient = new TestClient({ discardBytesMax: 1_000_000 });

beforeAll(async () => {
  await client.start();
  await patient.start();
});

afterAll(async () => {
  await client.stop();
  await patient.stop();
});

function pick<T>(list: readonly T[]): T {
  return list[prng.uint32() % list.length] as T;
}

const randomBytes = (count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, () => prng.uint32() & 255));

const parts = ['/key/', '/key', '/', '%', '%00', '%ff', '%C3%A5', '..', '//', 'a', '?', '&', '='];
const bodies = ['', '{', '1', '"\\ud800"', '[1,]', 'x'.repeat(500_000), '['.repeat(300_000)];

const samples = [
  'GET /key/a HTTP/1.1\r\nHost: x\r\nIf-Match: "a"\r\n\r\n',
  'PUT /key/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"a"',
  'PUT /key/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n"a"\r\n0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\nContent-Length: 2\r\n\r\n{}',
];

function damagedRequest(): Buffer {
  const bytes = Buffer.from(pick(samples), 'latin1');
  for (let i = prng.uint32() % 4; i >= 0; i--) {
    bytes[prng.uint32() % bytes.length] = prng.uint32() & 255;
  }
  return bytes;
}

async function expectOrderly(answer: Promise<string>): Promise<void> {
  const text = await answer;
  expect(text === '' || /^HTTP\/1\.1 [1-4]\d\d /.test(text) ? '' : text).toBe('');
}

async function run(
  count: number,
  next: () => Promise<void>,
  through: TestClient = client,
): Promise<void> {
  const parallel = 50;
  for (let i = 0; i < count; i += parallel) {
    await Promise.all(Array.from({ length: parallel }, next));
  }
  expect(through.faults).toEqual([]);
  expect((await through.send('GET', '/')).status).toBe(200);
}

describe(`malformed input (seed ${seed})`, () => {
  test(
    'of random bytes is answered or closed',
    async () => {
      await run(200, () => expectOrderly(client.raw(randomBytes(1 + (prng.uint32() % 300)), true)));
    },
    timeoutMs,
  );

  test(
    'of damaged HTTP is answered or closed, slow senders too',
    async () => {
      await run(300, () => expectOrderly(client.raw(damagedRequest(), prng.uint32() % 4 !== 0)));
    },
    timeoutMs,
  );

  test(
    'of odd paths, headers and bodies is answered',
    async () => {
      await run(
        500,
        async () => {
          const path = `/${Array.from({ length: prng.uint32() % 6 }, () => pick(parts)).join('')}`;
          const method = pick(['GET', 'HEAD', 'PUT', 'PUT', 'DELETE', 'POST', 'TRACE', 'PROPFIND']);
          const reply = await patient.send(method, path, pick(bodies), {
            'If-Match': pick(['*', '"a"', '', '""', 'W/', '"'.repeat(1000), ',,,']),
          });
          expect(reply.status).toBeGreaterThanOrEqual(200);
          expect(reply.status).toBeLessThan(500);
        },
        patient,
      );
    },
    timeoutMs,
  );
});
