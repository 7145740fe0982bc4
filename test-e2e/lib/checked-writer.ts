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
  /** The longest time without any acknowledged write, s. */
  readonly longestGapSeconds: number;
}

interface Client {
  readonly key: string;
  acked: number;
  sent: number;
}

/** A request that takes longer has failed, ms. */
const requestMs = 5_000;
/** Between two requests of a client, ms: enough to find a gap, little for a small machine. */
const pauseMs = 20;
/** After a failure a client does not hammer, ms. */
const failedPauseMs = 50;
const violationsMax = 20;

export class CheckedWriter {
  readonly #endpoint: () => Promise<Endpoint>;
  readonly #clients: Client[];
  readonly #violations: string[] = [];
  #running: Promise<void>[] = [];
  #stopped = false;
  #acknowledged = 0;
  #failed = 0;
  #lastAckMs = 0;
  #longestGapMs = 0;

  constructor(options: {
    readonly endpoint: () => Promise<Endpoint>;
    readonly clients?: number;
    readonly prefix?: string;
  }) {
    this.#endpoint = options.endpoint;
    const { clients = 6, prefix = 'writer' } = options;
    this.#clients = Array.from({ length: clients }, (_, index) => ({
      ...{ key: `${prefix}-${index}`, acked: 0, sent: 0 },
    }));
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get failed(): number {
    return this.#failed;
  }

  /** Starts, and waits for the first acknowledged write. */
  async start(): Promise<void> {
    this.#lastAckMs = Date.now();
    this.#running = this.#clients.map((client) => this.#run(client));
    await until('a first acknowledged write', timeouts.database, () =>
      this.#acknowledged > 0 ? true : undefined,
    );
    this.#longestGapMs = 0;
  }

  /** Gaps are counted from here. */
  resetGap(): void {
    this.#lastAckMs = Date.now();
    this.#longestGapMs = 0;
  }

  get longestGapSeconds(): number {
    return Math.max(this.#longestGapMs, this.#stopped ? 0 : Date.now() - this.#lastAckMs) / 1_000;
  }

  /** More writes have been acknowledged since. */
  async progress(count = 20): Promise<void> {
    const from = this.#acknowledged;
    await until(`${count} more acknowledged writes`, timeouts.database, () =>
      this.#acknowledged >= from + count ? true : undefined,
    );
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
        const { status } = await ask(await this.#endpoint(), 'PUT', client.key, body);
        if (status !== 200 && status !== 201) {
          throw new Error(`refused with ${status}`);
        }
        client.acked = client.sent;
        this.#noteAck();
        await this.#read(client, 'while writing');
        await pause(pauseMs);
      } catch {
        this.#failed += 1;
        await pause(failedPauseMs);
      }
    }
  }

  #noteAck(): void {
    const nowMs = Date.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastAckMs);
    this.#lastAckMs = nowMs;
    this.#acknowledged += 1;
  }

  /** Throws when there is no answer; notes what an answer must not be. */
  async #read(client: Client, when: string): Promise<void> {
    const { status, body } = await ask(await this.#endpoint(), 'GET', client.key);
    if (status === 404 && client.acked > 0) {
      this.#violate(`${client.key} ${when}: ${client.acked} was acknowledged, nothing is there`);
      return;
    }
    if (status === 404) {
      return;
    }
    if (status !== 200) {
      throw new Error(`refused with ${status}`);
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
