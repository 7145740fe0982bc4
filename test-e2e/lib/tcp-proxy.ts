/**
 * A TCP proxy in front of a server, to make a connection misbehave as networks do:
 *
 *   pass     bytes go both ways, later by `lagMs` from the server to the client
 *   silent   connections stay open and nothing arrives any more: a dead watch that looks alive
 *   refuse   new connections are closed at once, those that were open too
 *
 * Order is kept in all modes. A connection that was made silent stays so; new ones follow the mode.
 */
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

export type ProxyMode = 'pass' | 'silent' | 'refuse';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  silent: boolean;
}

export class TcpProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #mode: ProxyMode = 'pass';
  /** Delay of what the server says, ms. */
  lagMs = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((socket) => {
      this.#accept(socket);
    });
  }

  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.on('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#pairs.size;
  }

  setMode(mode: ProxyMode): void {
    this.#mode = mode;
    for (const pair of this.#pairs) {
      if (mode === 'refuse') {
        this.#end(pair);
      } else {
        pair.silent ||= mode === 'silent';
      }
    }
  }

  /** Makes the connections that are open now silent; new ones work. */
  silenceOpen(): void {
    for (const pair of this.#pairs) {
      pair.silent = true;
    }
  }

  /** Breaks the connections that are open now. */
  cut(): void {
    for (const pair of this.#pairs) {
      this.#end(pair);
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#mode === 'refuse') {
      client.destroy();
      return;
    }
    const pair: Pair = {
      client,
      server: createConnection(this.#target),
      silent: this.#mode === 'silent',
    };
    this.#pairs.add(pair);
    for (const socket of [pair.client, pair.server]) {
      // A half that breaks takes the other with it.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#end(pair);
      });
    }
    pair.client.on('data', (chunk) => {
      if (!pair.silent) {
        pair.server.write(chunk);
      }
    });
    // One chain of promises a connection: a smaller lag never overtakes a larger one.
    let last = Promise.resolve();
    pair.server.on('data', (chunk) => {
      const lagMs = this.lagMs;
      last = last.then(async () => {
        if (lagMs > 0) {
          await new Promise((resolve) => setTimeout(resolve, lagMs));
        }
        if (!pair.silent) {
          pair.client.write(chunk);
        }
      });
    });
  }

  #end(pair: Pair): void {
    pair.client.destroy();
    pair.server.destroy();
    this.#pairs.delete(pair);
  }
}
