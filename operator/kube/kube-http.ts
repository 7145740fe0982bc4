/**
 * Requests to the API server as JSON, over connections that are kept. It knows nothing of kinds.
 * Every request ends within its limit; a refusal or a missing answer is a `KubeError`. A 429 was
 * surely not done, so it is tried again as the server asks; reads are also tried again after a
 * failure of the server. Writes are not: whoever asked looks at the object first.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { backoffMs } from '../../node/lib/backoff.ts';
import type { Timers } from '../../node/sys/clock.ts';
import type { Random } from '../../node/sys/random.ts';
import type { Access, KubeConnection } from './connection.ts';
import { isKubeError, KubeError } from './kube-error.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>> | undefined;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  /** Instead of the client's own limit, ms. */
  readonly timeoutMs?: number;
}

export interface KubeHttpOptions {
  readonly connection: KubeConnection;
  readonly timers: Timers;
  readonly random: Random;
  /** Of one request, the first included; 1: every failure is the caller's. */
  readonly attemptsMax?: number;
  /** As the API server's audit log names it. */
  readonly userAgent?: string;
  /** How long a request may take, ms; asked for each one. */
  readonly timeoutMs?: (request: KubeRequest) => number;
  /** Waited for before each write (crash points of tests). */
  readonly beforeWrite?: (what: string) => Promise<void>;
  /** Told of every answer (`0`: none came), for the metrics. */
  readonly onAnswer?: (method: string, path: string, status: number) => void;
}

/** A request that takes longer is not worth waiting for, ms. */
export const requestTimeoutMs = 10_000;
/** The queue above has the patience for more. */
const attemptsDefault = 4;
const backoff = { baseMs: 100, maxMs: 2_000 };
/** A server that asks for more is not waited for inside of one request, ms. */
const retryAfterMsMax = 5_000;
/** Far above any object that Kubernetes stores (1.5 MiB) and a page of 500 small ones. */
const answerBytesMax = 64 * 1024 * 1024;

const noAccess: Access = { tls: {}, headers: {} };

interface Status {
  readonly message?: string;
  readonly reason?: string;
}

export class KubeHttp {
  readonly #options: KubeHttpOptions;
  /** Keeps connections, for the credentials that they were opened with. */
  #kept: { readonly agent: HttpAgent; readonly tls: Access['tls'] };

  constructor(options: KubeHttpOptions) {
    this.#options = options;
    this.#kept = { agent: this.#makeAgent(noAccess.tls), tls: noAccess.tls };
  }

  /** Sends it and answers the parsed body. */
  async send(request: KubeRequest): Promise<unknown> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#sendOnce(request);
      } catch (error) {
        const waitMs = this.#retryAfter(request, error, attempt);
        if (waitMs === undefined) {
          throw error;
        }
        await pause(this.#options.timers, waitMs, request.signal);
      }
    }
  }

  /**
   * The lines of a streamed answer, until the server or `signal` ends it. `onBytes` is called for
   * whatever arrives, so that the caller can tell a quiet stream from a dead one.
   */
  async *lines(
    request: KubeRequest,
    signal: AbortSignal,
    onBytes: () => void,
  ): AsyncGenerator<string> {
    const answer = await this.#open(request, signal);
    this.#noteAnswer(request, answer.statusCode ?? 0);
    if ((answer.statusCode ?? 0) >= 400) {
      throw refusal(request, answer, await readAll(answer));
    }
    onBytes();
    let rest = '';
    answer.setEncoding('utf8');
    for await (const chunk of answer as AsyncIterable<string>) {
      onBytes();
      const parts = (rest + chunk).split('\n');
      rest = parts.pop() ?? '';
      yield* parts.filter((part) => part !== '');
    }
  }

  close(): void {
    this.#kept.agent.destroy();
  }

  #makeAgent(tls: Access['tls']): HttpAgent {
    return this.#options.connection.server.startsWith('https:')
      ? new HttpsAgent({ keepAlive: true, ...tls })
      : new HttpAgent({ keepAlive: true });
  }

  async #access(request: KubeRequest): Promise<Access> {
    try {
      return (await this.#options.connection.access?.()) ?? noAccess;
    } catch (error) {
      throw noAnswer(request, error);
    }
  }

  /** Requests under way end on the connections that they have. */
  #agentOf({ tls, agent }: Access): HttpAgent {
    if (agent === undefined && tls !== this.#kept.tls) {
      this.#kept = { agent: this.#makeAgent(tls), tls };
    }
    return agent ?? this.#kept.agent;
  }

  async #sendOnce(request: KubeRequest): Promise<unknown> {
    const timeoutMs = request.timeoutMs ?? this.#options.timeoutMs?.(request) ?? requestTimeoutMs;
    if (timeoutMs <= 0) {
      throw noAnswer(request, new Error('no time is left for it'));
    }
    if (request.method !== 'GET') {
      await this.#options.beforeWrite?.(`${request.method} ${request.path}`);
    }
    const end = new AbortController();
    const timer = this.#options.timers.after(timeoutMs, () => {
      end.abort(new Error(`no answer within ${timeoutMs} ms`));
    });
    const signal =
      request.signal === undefined ? end.signal : AbortSignal.any([end.signal, request.signal]);
    try {
      const answer = await this.#open(request, signal);
      const text = await readAll(answer);
      this.#noteAnswer(request, answer.statusCode ?? 0);
      if ((answer.statusCode ?? 0) >= 400) {
        throw refusal(request, answer, text);
      }
      return answer.headers['content-type']?.includes('json') === true ? JSON.parse(text) : text;
    } catch (error) {
      if (isKubeError(error)) {
        throw error;
      }
      this.#noteAnswer(request, 0);
      throw noAnswer(request, signal.aborted ? signal.reason : error);
    } finally {
      timer.cancel();
    }
  }

  #noteAnswer(request: KubeRequest, status: number): void {
    this.#options.onAnswer?.(request.method, request.path, status);
  }

  /** How long to wait before another attempt; undefined: none is made. */
  #retryAfter(request: KubeRequest, error: unknown, attempt: number): number | undefined {
    const { attemptsMax = attemptsDefault } = this.#options;
    if (!isKubeError(error) || attempt + 1 >= attemptsMax || request.signal?.aborted === true) {
      return undefined;
    }
    const isRead = request.method === 'GET';
    const isWorthIt =
      error.status === 429 ||
      (error.status === 401 && attempt === 0) ||
      (isRead && (error.status === 0 || error.status >= 500));
    if (!isWorthIt || (error.retryAfterMs ?? 0) > retryAfterMsMax) {
      return undefined;
    }
    const unit = this.#options.random.uint32() / 2 ** 32;
    return Math.max(error.retryAfterMs ?? 0, backoffMs(backoff, attempt, unit));
  }

  async #open(request: KubeRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { server } = this.#options.connection;
    const allowed = await this.#access(request);
    signal.throwIfAborted();
    const url = new URL(server + request.path);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) {
        url.searchParams.set(name, value);
      }
    }
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options: RequestOptions = {
      method: request.method,
      agent: this.#agentOf(allowed),
      signal,
      headers: {
        Accept: 'application/json',
        'User-Agent': this.#options.userAgent ?? 'dynakv-operator',
        ...allowed.headers,
        ...(body === undefined
          ? {}
          : {
              'Content-Type': request.contentType ?? 'application/json',
              'Content-Length': Buffer.byteLength(body),
            }),
      },
    };
    return await new Promise((resolve, reject) => {
      const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const sent = open(url, options);
      sent.on('response', resolve);
      sent.on('error', (error) =>
        reject(noAnswer(request, signal.aborted ? signal.reason : error)),
      );
      sent.end(body);
    });
  }
}

/** Waits, or less if `signal` ends it. */
export async function pause(timers: Timers, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) {
    return;
  }
  await new Promise<void>((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = timers.after(ms, done);
    signal?.addEventListener('abort', done);
  });
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) {
      answer.destroy();
      throw new Error(`the answer has more than ${answerBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function noAnswer(request: KubeRequest, cause: unknown): KubeError {
  const why = Error.isError(cause) ? cause.message : String(cause);
  const message = `${request.method} ${request.path} got no answer: ${why}`;
  return new KubeError({ status: 0, reason: 'NoAnswer', message }, cause);
}

function refusal(request: KubeRequest, answer: IncomingMessage, text: string): KubeError {
  const status = answer.statusCode ?? 0;
  const { message, reason } = readStatus(text);
  const what = `${request.method} ${request.path} was refused with ${status}`;
  const seconds = Number(answer.headers['retry-after']);
  return new KubeError({
    status,
    reason: reason ?? 'Unknown',
    message: `${what}: ${message ?? text.slice(0, 500)}`,
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined,
  });
}

function readStatus(text: string): Status {
  try {
    return JSON.parse(text) as Status;
  } catch {
    // A proxy in between answers in plain text.
    return {};
  }
}
