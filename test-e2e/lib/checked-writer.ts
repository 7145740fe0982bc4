/**
 * Clients that write and read all the time and check every answer, without any retry of their own:
 * what was acknowledged must be there, and a strong read must never go back. Each client has a key
 * of its own and numbers its writes, so the check of a history is exact: between the last
 * acknowledged number and the last one sent. `finish` reads everything once more.
 */
import { request } from 'node:http';
import type { Endpoint } from './reach.ts';
import { pause, until } from './waiting.ts';
import { timeouts } from './timeouts.ts';

export interface WriterReport {
  readonly acknowledged: number;
  /** Refused, or without an answer: by far most during a fault, none otherwise. */
  readonly failed: number;
  /** The longest time that any one key went without an acknowledged write, s. */
  readonly longestGapSeconds: number;
}

interface Client {
  readonly key: string;
  acked: number;
  sent: number;
  lastAckMs: number;
}

/** A request that takes longer has failed, ms. */
const requestMs = 5_000;
/** Keys, so that every node leads some of their shards. */
const clientsDefault = 12;
/** Between two requests of a client, ms: enough to find a gap, little for a small machine. */
const pauseMs = 100;
/** After a failure a client does not hammer, ms. */
const failedPauseMs = 50;
const violationsMax = 20;
/** Kinds of failures that are told apart. */
const failureKindsMax = 50;

export class CheckedWriter {
  readonly #endpoint: () => Promise<Endpoint>;
  readonly #clients: Client[];
  readonly #violations: string[] = [];
  #running: Promise<void>[] = [];
  #stopped = false;
  #acknowledged = 0;
  #failed = 0;
  readonly #failures = new Map<string, number>();
  #longestGapMs = 0;

  constructor(options: {
    readonly endpoint: () => Promise<Endpoint>;
    readonly clients?: number;
    readonly prefix?: string;
  }) {
    this.#endpoint = options.endpoint;
    const { clients = clientsDefault, prefix = 'writer' } = options;
    this.#clients = Array.from({ length: clients }, (_, index) => ({
      ...{ key: `${prefix}-${index}`, acked: 0, sent: 0, lastAckMs: 0 },
    }));
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get failed(): number {
    return this.#failed;
  }

  /** What failures were, and how often, the most frequent first. */
  get failures(): string {
    const kinds = [...this.#failures].sort(([, a], [, b]) => b - a);
    return kinds.map(([what, count]) => `${count} × ${what}`).join('; ');
  }

  /** Starts, and waits for the first acknowledged write. */
  async start(): Promise<void> {
    this.resetGap();
    this.#running = this.#clients.map((client) => this.#run(client));
    await until('a first acknowledged write', timeouts.database, () =>
      this.#acknowledged > 0 ? true : undefined,
    );
    this.resetGap();
  }

  /** Gaps and kinds of failures are counted from here. */
  resetGap(): void {
    const nowMs = Date.now();
    for (const client of this.#clients) {
      client.lastAckMs = nowMs;
    }
    this.#longestGapMs = 0;
    this.#failures.clear();
  }

  get longestGapSeconds(): number {
    const oldestMs = Math.min(...this.#clients.map((client) => client.lastAckMs));
    return Math.max(this.#longestGapMs, this.#stopped ? 0 : Date.now() - oldestMs) / 1_000;
  }

  /** More writes have been acknowledged since, and of every key. */
  async progress(count = 20): Promise<void> {
    const from = this.#acknowledged;
    const fromMs = Date.now();
    const isOlder = (client: Client): boolean => client.lastAckMs < fromMs;
    await until(`${count} more acknowledged writes`, timeouts.database, () => {
      const missing = this.#clients.filter(isOlder).map((client) => client.key);
      if (missing.length > 0) {
        throw new Error(`none of ${missing.join(', ')}; failures: ${this.failures}`);
      }
      return this.#acknowledged >= from + count ? true : undefined;
    });
  }

  /** Ends it without a verdict. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  /** Stops and reads everything once more; throws if anything was lost or went back. */
  async finish(): Promise<WriterReport> {
    await this.stop();
    for (const client of this.#clients) {
      await until(`the last read of ${client.key}`, timeouts.database, async () => {
        await this.#read(client, 'finally');
        return true;
      });
    }
    if (this.#violations.length > 0) {
      throw new Error(`The history is wrong:\n${this.#violations.join('\n')}`);
    }
    return {
      acknowledged: this.#acknowledged,
      failed: this.#failed,
      longestGapSeconds: this.#longestGapMs / 1_000,
    };
  }

  async #run(client: Client): Promise<void> {
    while (!this.#stopped) {
      client.sent += 1;
      try {
        const body = JSON.stringify({ n: client.sent });
        const answer = await ask(await this.#endpoint(), 'PUT', client.key, body);
        if (answer.status !== 200 && answer.status !== 201) {
          throw refusal(answer);
        }
        client.acked = client.sent;
        this.#noteAck(client);
        await this.#read(client, 'while writing');
        await pause(pauseMs);
      } catch (error) {
        this.#failed += 1;
        this.#noteFailure(Error.isError(error) ? error.message : String(error));
        await pause(failedPauseMs);
      }
    }
  }

  #noteAck(client: Client): void {
    const nowMs = Date.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - client.lastAckMs);
    client.lastAckMs = nowMs;
    this.#acknowledged += 1;
  }

  #noteFailure(what: string): void {
    const count = this.#failures.get(what) ?? 0;
    if (count > 0 || this.#failures.size < failureKindsMax) {
      this.#failures.set(what, count + 1);
    }
  }

  /** Throws when there is no answer; notes what an answer must not be. */
  async #read(client: Client, when: string): Promise<void> {
    const answer = await ask(await this.#endpoint(), 'GET', client.key);
    const { status, body } = answer;
    if (status === 404 && client.acked > 0) {
      this.#violate(
        `${client.key} ${when}: ${client.acked} was acknowledged, nothing is there ` +
          `(${new Date().toISOString()}: ${body.slice(0, 200)})`,
      );
      return;
    }
    if (status === 404) {
      return;
    }
    if (status !== 200) {
      throw refusal(answer);
    }
    const { n } = JSON.parse(body) as { n: number };
    if (n < client.acked || n > client.sent) {
      const bounds = `${client.acked} … ${client.sent}`;
      this.#violate(`${client.key} ${when}: it is ${n}, and must be in ${bounds}`);
    }
    // What was read once is acknowledged as good as any.
    client.acked = Math.max(client.acked, n);
  }

  #violate(what: string): void {
    if (this.#violations.length < violationsMax) {
      this.#violations.push(what);
    }
  }
}

/** Without what differs from one request to the next. */
function refusal({ status, body }: { readonly status: number; readonly body: string }): Error {
  return new Error(`${status} ${body.slice(0, 120).replaceAll(/[0-9a-f-]{8,}|\d{3,}/g, '#')}`);
}

function ask(
  { host, port }: Endpoint,
  method: string,
  key: string,
  body?: string,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      // A new connection each time: the Service chooses a pod per connection.
      { host, port, method, path: `/key/${key}`, agent: false, timeout: requestMs },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
        answer.on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${requestMs} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}
