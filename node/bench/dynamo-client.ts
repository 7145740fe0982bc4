/**
 * The few DynamoDB calls that a measurement makes itself: create its table, load items, and
 * capture the bytes of an answer. Plain `node:http`, kept-alive connections, no retries.
 */
import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { keyName } from './wrk.ts';

export interface DynamoAnswer {
  readonly status: number;
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** Headers that each server writes for itself. */
const ownHeaders = new Set(['date', 'connection', 'keep-alive']);
const loadersAtOnce = 64;

export class DynamoClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });

  async call(url: string, operation: string, input: unknown): Promise<DynamoAnswer> {
    const headers = {
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      'content-type': 'application/x-amz-json-1.0',
    };
    return await new Promise((resolve, reject) => {
      const call = request(url, { method: 'POST', headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, rawHeaders: response.rawHeaders, body });
        });
      });
      call.setTimeout(10_000, () => call.destroy(new Error(`${operation} took over 10 s`)));
      call.on('error', reject);
      call.end(JSON.stringify(input));
    });
  }

  async mustCall(url: string, operation: string, input: unknown): Promise<DynamoAnswer> {
    const answer = await this.call(url, operation, input);
    if (answer.status !== 200) {
      throw new Error(`Cannot ${operation}: ${answer.status} ${answer.body.slice(0, 500)}`);
    }
    return answer;
  }

  /** Creates a table with partition key `pk` and waits until it is ACTIVE. */
  async createTable(url: string, name: string): Promise<void> {
    await this.mustCall(url, 'CreateTable', {
      TableName: name,
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    });
    const endAt = performance.now() + 30_000;
    while (performance.now() < endAt) {
      const { body } = await this.mustCall(url, 'DescribeTable', { TableName: name });
      if (body.includes('"ACTIVE"')) {
        return;
      }
      await wait(50);
    }
    throw new Error(`Cannot use table "${name}": not ACTIVE after 30 s`);
  }

  /** Puts the keys 0 … count−1, each an item of `bytes`. */
  async load(
    urls: readonly string[],
    table: string,
    size: { readonly count: number; readonly bytes: number },
  ): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < size.count) {
        const number = next++;
        const url = urls[number % urls.length] as string;
        await this.mustCall(url, 'PutItem', {
          TableName: table,
          Item: makeItem(number, size.bytes),
        });
      }
    };
    await Promise.all(Array.from({ length: loadersAtOnce }, worker));
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The item that `lua/dynamo.lua` writes: `bytes` as DynamoDB counts an item. */
export function makeItem(number: number, bytes: number): Record<string, { S: string }> {
  return { pk: { S: keyName(number) }, data: { S: 'x'.repeat(bytes - 14) } };
}

/** The headers that a bare server must send to answer the same bytes. */
export function sameHeaders(answer: DynamoAnswer): readonly string[] {
  const headers: string[] = [];
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    const name = answer.rawHeaders[i] ?? '';
    if (!ownHeaders.has(name.toLowerCase())) {
      headers.push(name, answer.rawHeaders[i + 1] ?? '');
    }
  }
  return headers;
}
