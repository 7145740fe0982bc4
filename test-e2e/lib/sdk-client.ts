/**
 * What an application does that follows the rules: the AWS SDK for JavaScript with its defaults
 * (a pool of connections that are kept, its own retries), one table, writes and strong reads. A
 * request that fails here has failed for good: retries are over.
 */
import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import type { Endpoint } from './reach.ts';
import { pause } from './waiting.ts';

const tableName = 'application';
/** Requests under way at a time. */
const workers = 4;
/** Between two requests of a worker, ms: it is there to notice, not to load. */
const pauseMs = 50;
const tableSecondsMax = 30;
/** Items under way at a time while a table is filled. */
const fillersMax = 4;
const itemBytes = 200_000;
const failuresKept = 20;

export class SdkClient {
  readonly #client: DynamoDBClient;
  readonly #failures: string[] = [];
  #running: Promise<void>[] = [];
  #stopped = false;
  #done = 0;
  #failed = 0;

  constructor({ host, port }: Endpoint) {
    this.#client = new DynamoDBClient({
      endpoint: `http://${host}:${port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    });
  }

  get done(): number {
    return this.#done;
  }

  get failed(): number {
    return this.#failed;
  }

  /** What failed, the first of it. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  async createTable(): Promise<void> {
    await this.#client.send(
      new CreateTableCommand({
        TableName: tableName,
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    const client = this.#client;
    await waitUntilTableExists(
      { client, maxWaitTime: tableSecondsMax, minDelay: 1 },
      { TableName: tableName },
    );
  }

  /** Puts so many bytes of items into the table. */
  async fill(bytes: number): Promise<void> {
    const count = Math.ceil(bytes / itemBytes);
    let next = 0;
    const filler = async (): Promise<void> => {
      for (let index = next++; index < count; index = next++) {
        await this.#put(`filling-${index}`, 'x'.repeat(itemBytes));
      }
    };
    await Promise.all(Array.from({ length: fillersMax }, filler));
  }

  /** Writes and reads until `stop`. */
  start(): void {
    this.#running = Array.from({ length: workers }, (_, index) => this.#run(index));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
    this.#client.destroy();
  }

  async #run(worker: number): Promise<void> {
    for (let n = 1; !this.#stopped; n += 1) {
      const id = `worker-${worker}-${n % 50}`;
      await this.#try(`put ${id}`, () => this.#put(id, String(n)));
      await this.#try(`get ${id}`, async () => {
        const found = await this.#get(id);
        if (found !== String(n)) {
          throw new Error(`read "${found}" after "${n}" was written`);
        }
      });
      await pause(pauseMs);
    }
  }

  async #try(what: string, request: () => Promise<unknown>): Promise<void> {
    try {
      await request();
      this.#done += 1;
    } catch (error) {
      this.#failed += 1;
      if (this.#failures.length < failuresKept) {
        const why = Error.isError(error) ? `${error.name}: ${error.message}` : String(error);
        this.#failures.push(`${new Date().toISOString()} ${what}: ${why}`);
      }
    }
  }

  async #put(id: string, value: string): Promise<void> {
    const Item = { id: { S: id }, value: { S: value } };
    await this.#client.send(new PutItemCommand({ TableName: tableName, Item }));
  }

  async #get(id: string): Promise<string | undefined> {
    const answer = await this.#client.send(
      new GetItemCommand({ TableName: tableName, Key: { id: { S: id } }, ConsistentRead: true }),
    );
    return answer.Item?.['value']?.S;
  }
}
