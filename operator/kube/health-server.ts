/**
 * `/livez`, `/readyz` and `/metrics` of the operator. Live: the process should not be restarted,
 * whatever the API server does. Ready: its copies follow the API server; a standby is ready too.
 */
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Check {
  readonly name: string;
  /** Why it does not pass; undefined: it does. */
  readonly failure: () => string | undefined;
}

export interface HealthServerOptions {
  readonly live: readonly Check[];
  readonly ready: readonly Check[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export class HealthServer {
  readonly #options: HealthServerOptions;
  readonly #server: Server;

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#server = createServer((request, answer) => {
      void this.#answer(request.url ?? '/', answer);
    });
  }

  /** Resolves with the port. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(url: string, answer: ServerResponse): Promise<void> {
    switch (new URL(url, 'http://operator').pathname) {
      case '/livez':
        say(answer, this.#options.live);
        return;
      case '/readyz':
        say(answer, this.#options.ready);
        return;
      case '/metrics':
        try {
          const { contentType, text } = await this.#options.metrics();
          answer.writeHead(200, { 'content-type': contentType }).end(text);
        } catch {
          answer.writeHead(500).end();
        }
        return;
      default:
        answer.writeHead(404, { 'content-type': 'text/plain' });
        answer.end('Known paths: /metrics, /livez, /readyz\n');
    }
  }
}

function say(answer: ServerResponse, checks: readonly Check[]): void {
  const results = checks.map(({ name, failure }) => ({ name, failure: failure() ?? null }));
  const passes = results.every((result) => result.failure === null);
  answer.writeHead(passes ? 200 : 503, { 'content-type': 'application/json' });
  answer.end(`${JSON.stringify({ ok: passes, checks: results })}\n`);
}
