/**
 * One `node:http` (or `https`) server with every limit set by name: connections, header sizes,
 * slow senders, idle connections, and an orderly close. The client port sends requests that
 * carry `X-Amz-Target` straight to the DynamoDB handler, all others to the Express app; the
 * operations port has only an app.
 *
 * What is not HTTP is answered with a 4xx and its connection is closed; nothing a client sends
 * reaches an unhandled error.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../sys/log.ts';
import { defaultServerLimits } from './limits.ts';
import type { ServerLimits } from './limits.ts';

export interface HttpServerParts {
  /** For requests with `X-Amz-Target`; without it they go to the app too. */
  readonly dynamo?: RequestListener | undefined;
  readonly app: RequestListener;
  readonly logger: Logger;
  readonly limits?: Partial<ServerLimits> | undefined;
  /** Serve TLS with this certificate and key. */
  readonly tls?: SecureContextOptions | undefined;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** How often a closing server looks for connections that have become idle, ms. */
const closePeriodMs = 20;

const clientErrorStatus: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = clientErrorStatus[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => {
    socket.destroy();
  });
}

export class HttpServer {
  readonly #server: Server;
  readonly #dynamo: RequestListener | undefined;
  readonly #app: RequestListener;
  readonly #logger: Logger;
  #closing = false;

  constructor(parts: HttpServerParts) {
    const limits = { ...defaultServerLimits, ...parts.limits };
    this.#dynamo = parts.dynamo;
    this.#app = parts.app;
    const options: ServerOptions = {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkPeriodMs,
      keepAliveTimeout: limits.keepAliveMs,
      noDelay: true,
    };
    const listener: RequestListener = (request, response) => {
      this.#dispatch(request, response);
    };
    this.#server =
      parts.tls === undefined
        ? createServer(options, listener)
        : createTlsServer({ ...options, ...parts.tls }, listener);
    this.#server.maxHeadersCount = limits.headersCountMax;
    this.#server.maxConnections = limits.connectionsMax;
    this.#server.setTimeout(limits.idleMs);
    this.#server.on('clientError', onClientError);
    this.#server.on('tlsClientError', (_error: Error, socket: Socket) => {
      socket.destroy();
    });
    this.#server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
      socket.destroy();
    });
    this.#logger = parts.logger;
  }

  #dispatch: RequestListener = (request, response) => {
    if (this.#closing) {
      response.setHeader('Connection', 'close');
    }
    if (this.#dynamo !== undefined && request.headers['x-amz-target'] !== undefined) {
      this.#dynamo(request, response);
    } else {
      this.#app(request, response);
    }
  };

  /** Resolves with the address bound (port 0 picks one); rejects if it cannot be bound. */
  listen(address: ListenAddress): Promise<ListenAddress> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        reject(error);
      };
      server.once('error', failed);
      server.listen({ host: address.host, port: address.port }, () => {
        server.off('error', failed);
        server.on('error', (error: Error) => {
          this.#logger.error('HTTP server failed', { error: messageOf(error) });
        });
        const bound = server.address();
        const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
        resolve({ host: address.host, port });
      });
    });
  }

  /** Serves a connection that was made elsewhere, within the process too: any two-way stream. */
  take(connection: Duplex): void {
    this.#server.emit('connection', connection);
  }

  /** Takes new certificates without a restart: for connections made from now on. */
  renewCertificates(tls: SecureContextOptions): void {
    const server = this.#server as Server & {
      setSecureContext?: (options: SecureContextOptions) => void;
    };
    server.setSecureContext?.(tls);
  }

  get connections(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.getConnections((_error, count) => {
        resolve(count);
      });
    });
  }

  /** Serves on, and asks clients to take another connection for their next request. */
  announceEnd(): void {
    this.#closing = true;
  }

  /**
   * Stops listening, lets requests in flight finish for up to `graceMs`, closes connections as
   * they become idle, then the rest. Resolves when no connection is left.
   */
  close(graceMs: number): Promise<void> {
    this.#closing = true;
    const server = this.#server;
    return new Promise((resolve) => {
      const sweep = setInterval(() => {
        server.closeIdleConnections();
      }, closePeriodMs);
      const end = setTimeout(() => {
        server.closeAllConnections();
      }, graceMs);
      server.close(() => {
        clearInterval(sweep);
        clearTimeout(end);
        resolve();
      });
      server.closeIdleConnections();
    });
  }
}
