/**
 * Requests to the client port: the real server with the DynamoDB handler and the `/key` door over
 * rows in memory. An input is a mode byte, then either (`r`) raw bytes for one connection, or
 * (`s`) lines `METHOD PATH` and headers, an empty line, and a body, framed here as HTTP.
 *
 * Promise: every framed request is answered below 500 in the form of its door, or its connection
 * is closed; raw bytes never keep a connection open; no fault of the program is logged; a JSON
 * that `/key` took is given back.
 */
import { deepStrictEqual } from 'node:assert';
import { connect } from 'node:net';
import { duplexPair } from 'node:stream';
import { createRequestIds } from '../../../dynamo/request-ids.ts';
import { createDynamoHandler } from '../../../dynamo/server.ts';
import { TestClient } from '../../../http/testing-client.ts';
import { crc32 } from '../../../lib/crc32.ts';
import type { Prng } from '../../../lib/prng.ts';
import { TestingBackend } from '../../../router/testing-backend.ts';
import { silentLogger } from '../../../sys/log.ts';
import type { LogFields } from '../../../sys/log.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { shapeOf } from '../fuzz-target.ts';
import { drawDynamoRequest, drawKeyRequest, dynamoWords, keyWords } from './http-samples.ts';

/** Rows in memory are forgotten after so many inputs. */
const inputsPerServer = 2_000;
/** One in so many goes over a real socket; the bytes decide, so that an input replays as it ran. */
const inputsPerSocket = 64;

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

class Door {
  readonly faults: LogFields[] = [];
  readonly #client: TestClient;

  constructor() {
    const backend = new TestingBackend();
    let draws = 0;
    this.#client = new TestClient({
      dynamo: createDynamoHandler({
        items: backend,
        tables: backend,
        clock: { monotonicMs: () => 0, wallMs: () => 0 },
        requestIds: createRequestIds({
          uint32: () => ++draws,
          bytes: (count) => Buffer.alloc(count, ++draws),
        }),
        logger: { ...silentLogger, error: (_message, fields) => this.faults.push(fields ?? {}) },
      }),
    });
  }

  async start(): Promise<void> {
    await this.#client.start();
    for (const body of tables) {
      await this.exchange(frame(`POST /\nX-Amz-Target: ${target}.CreateTable`, Buffer.from(body)));
    }
  }

  async stop(): Promise<void> {
    await this.#client.stop();
  }

  /**
   * Sends bytes on a connection of their own; resolves with what came until it is closed. Most
   * connections are within the process: a real one costs many times what the door does.
   */
  exchange(bytes: Buffer, ends = false): Promise<Buffer> {
    return crc32(bytes) % inputsPerSocket === 0
      ? this.#exchangeByTcp(bytes, ends)
      : this.#exchangeWithin(bytes, ends);
  }

  #exchangeWithin(bytes: Buffer, ends: boolean): Promise<Buffer> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      const [near, far] = duplexPair();
      near.on('data', (chunk: Buffer) => chunks.push(chunk));
      near.on('error', () => undefined);
      far.on('error', () => undefined);
      const over = (): void => {
        near.destroy();
        far.destroy();
        resolve(Buffer.concat(chunks));
      };
      near.on('end', over);
      far.on('close', () => setImmediate(over)); // What it wrote before may still be on its way.
      this.#client.server.take(far);
      near.write(bytes);
      if (ends) {
        near.end();
      }
    });
  }

  #exchangeByTcp(bytes: Buffer, ends: boolean): Promise<Buffer> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      const socket = connect({ port: this.#client.port, host: '127.0.0.1', noDelay: true });
      socket.on('connect', () => {
        socket.write(bytes);
        if (ends) {
          socket.end();
        }
      });
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('error', () => undefined);
      socket.on('end', () => socket.resetAndDestroy()); // Leaves no TIME_WAIT behind.
      socket.on('close', () => {
        resolve(Buffer.concat(chunks));
      });
    });
  }

  /** Throws what the doors logged as faults of the program. */
  assertNoFaults(): void {
    const faults = [...this.faults, ...this.#client.faults];
    if (faults.length > 0) {
      throw new Error(`The door logged a fault: ${JSON.stringify(faults[0])}`);
    }
  }
}

const target = 'DynamoDB_20120810';
const tables = [
  '{"TableName":"users","AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],' +
    '"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST"}',
  '{"TableName":"rows","AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"},' +
    '{"AttributeName":"at","AttributeType":"N"}],"KeySchema":[{"AttributeName":"id",' +
    '"KeyType":"HASH"},{"AttributeName":"at","KeyType":"RANGE"}],"BillingMode":"PAY_PER_REQUEST"}',
];

/** An HTTP request with its length, after which the connection is closed. */
function frame(head: string, body: Buffer): Buffer {
  const [line = '', ...headers] = head.split('\n');
  const lines = [
    `${line} HTTP/1.1`,
    'Host: x',
    'Connection: close',
    `Content-Length: ${body.length}`,
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

function parseAnswer(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.subarray(0, Math.max(end, 0)).toString('latin1');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
  if (status === undefined) {
    return undefined;
  }
  const from = end + 4;
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  // Raw bytes may hold several requests: the first answer is judged.
  const to = length === undefined ? bytes.length : from + Number(length);
  return { status: Number(status), head, body: bytes.subarray(from, to).toString('utf8') };
}

/** Below 500, and an answer in JSON is JSON; returns a word on it. */
function judge(answer: Answer): string {
  const { status, head, body } = answer;
  if (status >= 500) {
    throw new Error(`The door answered ${status}: ${body.slice(0, 500)}`);
  }
  const type = /^content-type: (\S*json)/im.exec(head)?.[1];
  const isWhole = !/^transfer-encoding: chunked/im.test(head) && body !== '';
  const json = type !== undefined && isWhole ? (JSON.parse(body) as unknown) : undefined;
  const { __type: fault, title, message, detail } = (json ?? {}) as Record<string, unknown>;
  if (status >= 400 && type === 'application/x-amz-json-1.0' && typeof fault !== 'string') {
    throw new Error(`The door refused without a type: ${body.slice(0, 500)}`);
  }
  const words = [fault, title, message, detail].filter((each) => typeof each === 'string');
  return shapeOf(`${status} ${words.join(' ')}`);
}

/** What `/key` took under a path is given back there. */
async function checkKept(door: Door, path: string, body: Buffer): Promise<void> {
  const answer = parseAnswer(await door.exchange(frame(`GET ${path}`, Buffer.alloc(0))));
  deepStrictEqual(answer?.status, 200);
  deepStrictEqual(JSON.parse(answer.body), JSON.parse(body.toString('utf8')));
}

async function runFramed(door: Door, input: Buffer): Promise<string> {
  const end = input.indexOf('\n\n');
  const head = input.subarray(0, end < 0 ? input.length : end).toString('latin1');
  const body = end < 0 ? Buffer.alloc(0) : input.subarray(end + 2);
  const answer = parseAnswer(await door.exchange(frame(head, body)));
  if (answer === undefined) {
    return 'closed';
  }
  const word = judge(answer);
  const put = /^PUT (\/key\/\S+)(?=\n|$)/.exec(head)?.[1];
  if (put !== undefined && [200, 201].includes(answer.status)) {
    await checkKept(door, put, body);
  }
  return word;
}

async function makeTarget(
  draw: (prng: Prng) => string,
  dictionary: readonly string[],
): Promise<FuzzTarget> {
  let door = new Door();
  await door.start();
  let inputs = 0;
  const run = async (input: Buffer): Promise<string> => {
    if (++inputs % inputsPerServer === 0) {
      await door.stop();
      door = new Door();
      await door.start();
    }
    const rest = input.subarray(1);
    let outcome: string;
    if (input[0] === 0x72) {
      const answer = parseAnswer(await door.exchange(rest, true));
      // The answer to HEAD tells a length and has no body: what follows is the next answer.
      const isHead = rest.subarray(0, 5).toString('latin1') === 'HEAD ';
      const first = answer !== undefined && isHead ? { ...answer, body: '' } : answer;
      outcome = first === undefined ? 'closed' : `raw ${judge(first)}`;
    } else {
      outcome = await runFramed(door, rest);
    }
    door.assertNoFaults();
    return outcome;
  };
  const generate = (prng: Prng): Buffer => {
    const text = Buffer.from(draw(prng), 'utf8');
    if (prng.chance(0.8)) {
      return Buffer.concat([Buffer.from('s'), text]);
    }
    const at = text.indexOf('\n\n');
    const framed = frame(text.subarray(0, at).toString('latin1'), text.subarray(at + 2));
    return Buffer.concat([Buffer.from('r'), framed]);
  };
  return { generate, dictionary, run, close: async () => await door.stop() };
}

/** Requests with `X-Amz-Target`. */
export async function dynamoRequests(): Promise<FuzzTarget> {
  return await makeTarget(drawDynamoRequest, dynamoWords);
}

/** Requests to `/key/{id}`: ids, headers and bodies. */
export async function keyRequests(): Promise<FuzzTarget> {
  return await makeTarget(drawKeyRequest, keyWords);
}
