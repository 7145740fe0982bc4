/** A real HTTP server around the DynamoDB handler and the in-memory backend, for tests. */
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Prng } from '../lib/prng.ts';
import type { RequestObserver } from '../metrics/request-metrics.ts';
import { TestingBackend } from '../router/testing-backend.ts';
import type { Clock } from '../sys/clock.ts';
import { silentLogger } from '../sys/log.ts';
import type { LogFields, Logger } from '../sys/log.ts';
import type { DynamoLimits } from './limits.ts';
import { createRequestIds } from './request-ids.ts';
import { createDynamoHandler } from './server.ts';
import { targetPrefix } from './target.ts';

export interface TestReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly body: unknown;
}

export interface TestServerOptions {
  readonly limits?: Partial<DynamoLimits> | undefined;
  readonly observer?: RequestObserver | undefined;
}

export class TestServer {
  readonly backend = new TestingBackend();
  /** Errors logged: faults of the program. */
  readonly faults: LogFields[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  readonly #server;

  constructor(options: TestServerOptions = {}) {
    const clock: Clock = { monotonicMs: () => 0, wallMs: () => 0 };
    const prng = new Prng(1);
    const random = {
      uint32: () => prng.uint32(),
      bytes: (count: number) =>
        Buffer.from(Array.from({ length: count }, () => prng.uint32() & 255)),
    };
    const logger: Logger = {
      ...silentLogger,
      error: (_message, fields) => {
        this.faults.push(fields ?? {});
      },
    };
    this.#server = createServer(
      createDynamoHandler({
        items: this.backend,
        tables: this.backend,
        clock,
        requestIds: createRequestIds(random),
        logger,
        ...options,
      }),
    );
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Sends `body` (JSON unless bytes or text) to an operation. */
  send(operation: string, body: unknown, headers: Record<string, string> = {}): Promise<TestReply> {
    const bytes = Buffer.isBuffer(body)
      ? body
      : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8');
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.port,
          method: 'POST',
          headers: {
            'X-Amz-Target': targetPrefix + operation,
            'Content-Type': 'application/x-amz-json-1.0',
            'Content-Length': bytes.length,
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const received = Buffer.concat(chunks);
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              bytes: received,
              body: JSON.parse(received.toString('utf8')),
            });
          });
        },
      );
      request.on('error', reject);
      request.end(bytes);
    });
  }
}

const tableOf = (name: string, keys: readonly (readonly [string, string])[]): object => ({
  TableName: name,
  AttributeDefinitions: keys.map(([key, type]) => ({ AttributeName: key, AttributeType: type })),
  KeySchema: keys.map(([key], index) => ({
    AttributeName: key,
    KeyType: index === 0 ? 'HASH' : 'RANGE',
  })),
  BillingMode: 'PAY_PER_REQUEST',
});

/** `users` (id S), `rows` (id S, at N) and `blobs` (id B). */
export async function createTestTables(server: TestServer): Promise<void> {
  await server.send('CreateTable', tableOf('users', [['id', 'S']]));
  await server.send(
    'CreateTable',
    tableOf('rows', [
      ['id', 'S'],
      ['at', 'N'],
    ]),
  );
  await server.send('CreateTable', tableOf('blobs', [['id', 'B']]));
}
