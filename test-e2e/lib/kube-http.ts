/**
 * Requests to the API server over node:https, as JSON. It knows nothing of kinds; `kube-client.ts`
 * does. A refusal is a KubeError with the server's own reason; a request that got no answer keeps
 * the error of the socket.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { KubeConnection } from './kube-connection.ts';
import { timeouts } from './timeouts.ts';

export interface KubeRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

interface Status {
  readonly message?: string;
  readonly reason?: string;
}

/** A refusal of the API server: `status` is HTTP's, `reason` Kubernetes' (`NotFound`, …). */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** True for a refusal with this status, also across module realms (Jest). */
export function isKubeError(error: unknown, status?: number): error is KubeError {
  const candidate = error as Partial<KubeError> | null | undefined;
  return candidate?.name === 'KubeError' && (status === undefined || candidate.status === status);
}

export class KubeHttp {
  readonly #connection: KubeConnection;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(connection: KubeConnection) {
    this.#connection = connection;
    this.#agent = connection.server.startsWith('https:')
      ? new HttpsAgent({ keepAlive: true })
      : new HttpAgent({ keepAlive: true });
  }

  /** Sends it and answers the parsed body, or the text when it is none of JSON. */
  async send(request: KubeRequest): Promise<unknown> {
    const limit = AbortSignal.timeout(request.timeoutMs ?? timeouts.request);
    const signal = request.signal === undefined ? limit : AbortSignal.any([limit, request.signal]);
    const answer = await this.#open(request, signal);
    const text = await readAll(answer);
    if ((answer.statusCode ?? 0) >= 400) {
      throw refusal(request, answer.statusCode ?? 0, text);
    }
    return answer.headers['content-type']?.includes('json') === true ? JSON.parse(text) : text;
  }

  /** The lines of a streamed answer, until it or `signal` ends it. */
  async *lines(request: KubeRequest, signal: AbortSignal): AsyncGenerator<string> {
    const answer = await this.#open(request, signal);
    if ((answer.statusCode ?? 0) >= 400) {
      throw refusal(request, answer.statusCode ?? 0, await readAll(answer));
    }
    let rest = '';
    answer.setEncoding('utf8');
    for await (const chunk of answer as AsyncIterable<string>) {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop() ?? '';
      yield* parts.filter((part) => part !== '');
    }
  }

  close(): void {
    this.#agent.destroy();
    this.#connection.close?.();
  }

  #open(request: KubeRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { server, socketPath, ca, cert, key, token } = this.#connection;
    const url = new URL(server + request.path);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) {
        url.searchParams.set(name, value);
      }
    }
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options: RequestOptions = {
      method: request.method,
      agent: this.#agent,
      signal,
      headers: {
        Accept: 'application/json',
        'User-Agent': 'dynakv-e2e',
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined
          ? {}
          : {
              'Content-Type': request.contentType ?? 'application/json',
              'Content-Length': Buffer.byteLength(body),
            }),
      },
      ...(socketPath === undefined ? {} : { socketPath }),
    };
    const { insecure, serverName: servername } = this.#connection;
    const named = servername === undefined ? {} : { servername };
    const tls = { ca, cert, key, rejectUnauthorized: insecure !== true, ...named };
    return new Promise((resolve, reject) => {
      const sent: ClientRequest =
        url.protocol === 'https:'
          ? httpsRequest(url, { ...options, ...tls })
          : httpRequest(url, options);
      sent.on('response', resolve);
      sent.on('error', (error) => {
        const what = `${request.method} ${request.path}`;
        reject(new Error(`${what} got no answer: ${error.message}`, { cause: error }));
      });
      sent.end(body);
    });
  }
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusal(request: KubeRequest, status: number, text: string): KubeError {
  const { message, reason } = readStatus(text);
  const what = `${request.method} ${request.path} was refused with ${status}`;
  return new KubeError(status, reason ?? 'Unknown', `${what}: ${message ?? text}`);
}

function readStatus(text: string): Status {
  try {
    return JSON.parse(text) as Status;
  } catch {
    // A proxy in between answers in plain text.
    return { message: text.slice(0, 500) };
  }
}
