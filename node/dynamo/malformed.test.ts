/**
 * Malformed requests: valid ones with a part replaced by something else, and with broken bytes.
 * Each must be answered with 200 or a 4xx in the protocol's form, and none may be a fault of the
 * program. The sequence is drawn from a fixed seed.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Prng } from '../lib/prng.ts';
import { createTestTables, TestServer } from './testing-server.ts';

const server = new TestServer({ limits: { bodyBytesMax: 300_000, discardBytesMax: 1_000_000 } });
const seed = 20_120_810;
const timeoutMs = 600_000;
const prng = new Prng(seed);

const samples: readonly (readonly [string, unknown])[] = [
  [
    'PutItem',
    {
      TableName: 'rows',
      Item: {
        id: { S: 'a' },
        at: { N: '1' },
        b: { B: 'AQ==' },
        l: { L: [{ BOOL: true }, { NULL: true }] },
        m: { M: { ss: { SS: ['a', 'b'] }, ns: { NS: ['1', '2'] }, bs: { BS: ['AQ=='] } } },
      },
      ConditionExpression: 'attribute_not_exists(#a) OR size(b) > :one AND l[0] IN (:one, :two)',
      ExpressionAttributeNames: { '#a': 'a' },
      ExpressionAttributeValues: { ':one': { N: '1' }, ':two': { BOOL: true } },
      ReturnValues: 'ALL_OLD',
      ReturnConsumedCapacity: 'TOTAL',
      ReturnItemCollectionMetrics: 'SIZE',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  ],
  [
    'GetItem',
    {
      TableName: 'rows',
      Key: { id: { S: 'a' }, at: { N: '1' } },
      ConsistentRead: true,
      ProjectionExpression: 'l[0], m.#a',
      ExpressionAttributeNames: { '#a': 'ss' },
      ReturnConsumedCapacity: 'INDEXES',
    },
  ],
  [
    'DeleteItem',
    { TableName: 'rows', Key: { id: { S: 'a' }, at: { N: '1' } }, ReturnValues: 'NONE' },
  ],
  [
    'CreateTable',
    {
      TableName: 'made',
      AttributeDefinitions: [{ AttributeName: 'a', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'a', KeyType: 'HASH' }],
      ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
      BillingMode: 'PROVISIONED',
      Tags: [{ Key: 'a', Value: 'b' }],
      StreamSpecification: { StreamEnabled: false },
      DeletionProtectionEnabled: false,
    },
  ],
  ['DescribeTable', { TableName: 'rows' }],
  ['DeleteTable', { TableName: 'made' }],
  ['ListTables', { Limit: 5, ExclusiveStartTableName: 'abc' }],
];

function nested(depth: number): unknown {
  let value: unknown = { S: 'x' };
  for (let i = 0; i < depth; i++) {
    value = i % 2 === 0 ? { L: [value] } : { M: { x: value } };
  }
  return value;
}

const junk: readonly unknown[] = [
  null,
  true,
  0,
  -1.5,
  1e300,
  '',
  'x',
  '\u0000',
  '\ud800',
  'x'.repeat(70_000),
  '9'.repeat(400),
  '1e999999999999',
  '((((((((((a = b',
  `${'('.repeat(2000)}a`,
  'a.b.c[99999999999999999999]',
  '__proto__',
  'constructor',
  [],
  [[]],
  [null],
  {},
  { S: 1 },
  { S: 'x', N: '1' },
  { N: 'NaN' },
  { B: '*' },
  { NULL: false },
  { SS: [] },
  { M: [] },
  { L: {} },
  { toString: 1 },
  { __proto__x: {} },
  nested(40),
  nested(2000),
];

function pick<T>(list: readonly T[]): T {
  return list[prng.uint32() % list.length] as T;
}

/** A copy of `value` with one place, drawn at random, replaced or removed. */
function mutate(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || prng.uint32() % 6 === 0) {
    return pick(junk);
  }
  if (Array.isArray(value)) {
    const copy: unknown[] = [...(value as unknown[])];
    const at = prng.uint32() % (copy.length + 1);
    copy[at] = mutate(copy[at]);
    return copy;
  }
  const copy: Record<string, unknown> = { ...(value as Record<string, unknown>) };
  const name = pick([...Object.keys(copy), 'Extra', '__proto__', 'Expected', 'AttributesToGet']);
  if (prng.uint32() % 8 === 0) {
    Reflect.deleteProperty(copy, name);
  } else {
    Object.defineProperty(copy, name, {
      value: mutate(Object.hasOwn(copy, name) ? copy[name] : undefined),
      enumerable: true,
      configurable: true,
    });
  }
  return copy;
}

/** The bytes with a few of them changed, removed or added. */
function damage(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const at = prng.uint32() % copy.length;
  switch (prng.uint32() % 4) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      copy[at] = prng.uint32() & 255;
      return copy;
    case 2:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1)]);
    default:
      return Buffer.concat([copy.subarray(0, at), Buffer.from([prng.uint32()]), copy.subarray(at)]);
  }
}

beforeAll(async () => {
  await server.start();
  await createTestTables(server);
});

afterAll(async () => {
  await server.stop();
});

async function expectOrderly(operation: string, body: unknown): Promise<void> {
  const { status, body: answer } = await server.send(operation, body);
  if (status !== 200) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(answer).toMatchObject({ __type: expect.stringContaining('#') });
  }
}

async function run(count: number, next: () => Promise<void>): Promise<void> {
  const parallel = 16;
  for (let i = 0; i < count; i += parallel) {
    await Promise.all(Array.from({ length: parallel }, next));
  }
  expect(server.faults).toEqual([]);
}

describe(`malformed requests (seed ${seed})`, () => {
  test(
    'of the wrong types are answered',
    async () => {
      await run(1600, () => {
        const [operation, body] = pick(samples);
        let mutated = mutate(body);
        for (let i = prng.uint32() % 3; i > 0; i--) {
          mutated = mutate(mutated);
        }
        return expectOrderly(operation, JSON.stringify(mutated ?? null));
      });
    },
    timeoutMs,
  );

  test(
    'of broken bytes are answered',
    async () => {
      await run(600, () => {
        const [operation, body] = pick(samples);
        return expectOrderly(operation, damage(Buffer.from(JSON.stringify(body), 'utf8')));
      });
    },
    timeoutMs,
  );

  test(
    'of great depth or size are answered',
    async () => {
      for (const text of [
        '['.repeat(250_000),
        '{"a":'.repeat(50_000),
        `{"TableName":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
        `{"KeySchema":${'['.repeat(100_000)}${']'.repeat(100_000)},"TableName":"abc"}`,
        `{"TableName":"rows","Item":{"x":${'{"L":['.repeat(20_000)}${']}'.repeat(20_000)}}}`,
        ' '.repeat(400_000),
        ' '.repeat(2_000_000),
      ]) {
        for (const [operation] of samples) {
          await expectOrderly(operation, text);
        }
      }
      expect(server.faults).toEqual([]);
    },
    timeoutMs,
  );
});
