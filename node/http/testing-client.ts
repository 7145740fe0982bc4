/** A real client-port server over the in-memory backend, and a plain client for it: for tests. */
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, OutgoingHttpHeaders, RequestListener } from 'node:http';
import { connect } from 'node:net';
import { TestingBackend } from '../router/testing-backend.ts';
import { silentLogger } from '../sys/log.ts';
import type { LogFields, Logger } from '../sys/log.ts';
import { createClientApp } from './client-app.ts';
import { HttpServer } from './client-server.ts';
import { kvTableSpec } from './kv-table.ts';
import type { ServerLimits } from './limits.ts';

export interface TestReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface TestClientOptions {
  readonly limits?: Partial<ServerLimits> | undefined;
  readonly dynamo?: RequestListener | undefined;
  readonly discardBytesMax?: number | undefined;
}

export class TestClient {
  readonly backend = new TestingBackend();
  /** Errors logged: faults of the program. */
  readonly faults: LogFields[] = [];
  readonly server: HttpServer;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  port = 0;

  constructor(options: TestClientOptions = {}) {
    const logger: Logger = {
      ...silentLogger,
      error: (_message, fields) => {
        this.faults.push(fields ?? {});
      },
    };
    this.server = new HttpServer({
      app: createClientApp({
        items: this.backend,
        tables: this.backend,
        clock: { monotonicMs: () => 0, wallMs: () => 0 },
        requestIds: () => 'REQUEST1',
        logger,
        limits:
          options.discardBytesMax === undefined
            ? undefined
            : { discardBytesMax: options.discardBytesMax },
      }),
      dynamo: options.dynamo,
      logger,
      limits: options.limits,
    });
  }

  async start(): Promise<void> {
    await this.backend.create(kvTableSpec);
    const { port } = await this.server.listen({ host: '127.0.0.1', port: 0 });
    this.port = port;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await this.server.close(0);
  }

  send(
    method: string,
    path: string,
    body: string | Buffer = '',
    headers: OutgoingHttpHeaders = {},
  ): Promise<TestReply> {
    return new Promise((resolve, reject) => {
      const length = Buffer.byteLength(body);
      const request = httpRequest(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.port,
          method,
          path,
          headers: length === 0 ? headers : { 'Content-Length': length, ...headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString('utf8'),
            });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  /** Writes raw bytes to a new connection; resolves with all that came back when it is closed. */
  raw(bytes: Buffer | string, end = false): Promise<string> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      const socket = connect(this.port, '127.0.0.1', () => {
        socket.write(bytes);
        if (end) {
          socket.end();
        }
      });
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        resolve(Buffer.concat(chunks).toString('latin1'));
      });
    });
  }
}
