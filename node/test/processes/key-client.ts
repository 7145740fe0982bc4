/**
 * A plain client of `/key/{id}` for checked workloads: no retries, no redirects, one deadline per
 * request, and an honest three-way result: an answer, surely not sent, or lost. Its answers become
 * those of a `History`.
 */
import { Agent, request } from 'node:http';
import type { RegisterAnswer, RegisterCondition, RegisterInput } from '../../sim/history.ts';

export interface KeyAnswer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly body: string;
}

/** What a workload may conclude from a request. */
export type Conclusion =
  | { readonly kind: 'answer'; readonly answer: RegisterAnswer }
  | { readonly kind: 'refused' }
  | { readonly kind: 'notDone'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

const notSentCodes = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']);

export class KeyClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Sends one operation to the node at `baseUrl` and says what may be concluded. */
  async call(baseUrl: string, key: string, input: RegisterInput): Promise<Conclusion> {
    let answer: KeyAnswer;
    try {
      answer = await this.send(baseUrl, key, input);
    } catch (error) {
      const code = (error as { code?: string }).code ?? String(error);
      const kind = notSentCodes.has(code) ? 'notDone' : 'unknown';
      return { kind, why: code };
    }
    return conclude(input, answer);
  }

  /** Sends one operation; throws if there is no complete answer. */
  async send(baseUrl: string, key: string, input: RegisterInput): Promise<KeyAnswer> {
    const body = input.kind === 'put' ? JSON.stringify(input.value) : undefined;
    const method = { read: 'GET', put: 'PUT', delete: 'DELETE' }[input.kind];
    const headers: Record<string, string> = {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(input.kind === 'read' ? {} : conditionHeaders(input.condition)),
    };
    const url = `${baseUrl}/key/${encodeURIComponent(key)}`;
    return await new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(this.#timeoutMs);
      const call = request(url, { method, headers, agent: this.#agent, signal }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('aborted', () => {
          reject(Object.assign(new Error('The answer broke off'), { code: 'ECONNRESET' }));
        });
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            etag: response.headers.etag,
            body: Buffer.concat(chunks).toString('utf8'),
          });
        });
      });
      call.on('error', reject);
      call.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function conditionHeaders(condition: RegisterCondition | undefined): Record<string, string> {
  switch (condition?.kind) {
    case undefined:
      return {};
    case 'version':
      return { 'if-match': condition.version };
    case 'exists':
      return { 'if-match': '*' };
    case 'absent':
      return { 'if-none-match': '*' };
    case 'value':
      throw new Error('Cannot send a condition on the value through /key: it has versions only');
  }
}

/** Throws for an answer that the operation may never get: that is a finding by itself. */
function conclude(input: RegisterInput, answer: KeyAnswer): Conclusion {
  const { status, etag } = answer;
  const version = etag === undefined ? {} : { version: etag };
  if (status === 503 || status === 429) {
    return { kind: 'notDone', why: `${status} ${answer.body.slice(0, 200)}` };
  }
  if (status >= 500) {
    return { kind: 'unknown', why: `${status} ${answer.body.slice(0, 200)}` };
  }
  if (input.kind === 'read' && status === 200) {
    const value = JSON.parse(answer.body) as string;
    return { kind: 'answer', answer: { kind: 'found', value, ...version } };
  }
  if (input.kind === 'read' && status === 404) {
    return { kind: 'answer', answer: { kind: 'missing' } };
  }
  if (input.kind === 'put' && (status === 200 || status === 201)) {
    const created = status === 201;
    return { kind: 'answer', answer: { kind: 'done', created, ...version } };
  }
  if (input.kind === 'delete' && status === 204) {
    return { kind: 'answer', answer: { kind: 'done' } };
  }
  if (input.kind !== 'read' && status === 412 && input.condition !== undefined) {
    return { kind: 'refused' };
  }
  throw new Error(`Cannot take status ${status} for ${input.kind}: ${answer.body.slice(0, 500)}`);
}
