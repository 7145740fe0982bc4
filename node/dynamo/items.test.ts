/**
 * PutItem, GetItem and DeleteItem: requests and their exact answers. Each row is one request.
 * The expected messages are DynamoDB's own.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { crc32 } from 'node:zlib';
import { createTestTables, TestServer } from './testing-server.ts';

const server = new TestServer();
const id = { id: { S: 'a' } };
const invalid = 'One or more parameter values were invalid: ';

beforeAll(async () => {
  await server.start();
  await createTestTables(server);
});

afterAll(async () => {
  await server.stop();
  expect(server.faults).toEqual([]);
});

async function send(operation: string, body: object): Promise<unknown> {
  return (await server.send(operation, body)).body;
}

const refusal = (message: string): object => ({
  __type: 'com.amazon.coral.validate#ValidationException',
  message,
});

const put = (item: object, more: object = {}): Promise<unknown> =>
  send('PutItem', { TableName: 'users', Item: item, ...more });
const get = (more: object = {}): Promise<unknown> =>
  send('GetItem', { TableName: 'users', Key: id, ...more });
const remove = (more: object = {}): Promise<unknown> =>
  send('DeleteItem', { TableName: 'users', Key: id, ...more });

describe('PutItem and GetItem', () => {
  test('keep all ten types, numbers in canonical form', async () => {
    const item = {
      ...id,
      s: { S: 'é\u0000"' },
      n: { N: '12345678901234567890123456789012345678' },
      b: { B: 'AQID' },
      bool: { BOOL: false },
      null: { NULL: true },
      ss: { SS: ['x', 'y'] },
      ns: { NS: ['1', '2.5'] },
      bs: { BS: ['AQ==', 'Ag=='] },
      l: { L: [{ S: 'x' }, { M: { deep: { L: [] } } }] },
      m: { M: { __proto__x: { N: '1' } } },
    };
    expect(await put(item)).toEqual({});
    expect(await get()).toEqual({ Item: item });
    expect(await put({ ...id, n: { N: '+001.50E1' } })).toEqual({});
    expect(await get()).toEqual({ Item: { ...id, n: { N: '15' } } });
  });

  test('splice the stored bytes into the answer', async () => {
    await put({ ...id, x: { S: 'y' } });
    const { bytes } = await server.send('GetItem', { TableName: 'users', Key: id });
    expect(bytes.toString()).toBe('{"Item":{"id":{"S":"a"},"x":{"S":"y"}}}');
  });

  test.each([10, 200_000])('return text of any length byte by byte: %d times', async (count) => {
    const text = 'aé\u{1f600}\u0000'.repeat(count).slice(0, 100_000);
    await put({ ...id, x: { S: text } });
    expect(await get()).toEqual({ Item: { ...id, x: { S: text } } });
    const { bytes, headers } = await server.send('GetItem', { TableName: 'users', Key: id });
    expect(headers['x-amz-crc32']).toBe(String(crc32(bytes)));
  });

  test('find nothing under another key', async () => {
    expect(await get({ Key: { id: { S: 'nobody' } } })).toEqual({});
  });

  test('ask for the consistency of the request', async () => {
    await get();
    expect(server.backend.commands.at(-1)).toMatchObject({ consistent: false });
    await get({ ConsistentRead: true });
    expect(server.backend.commands.at(-1)).toMatchObject({ consistent: true });
  });

  test('take the ARN of a table for its name', async () => {
    const arn = 'arn:aws:dynamodb:eu-north-1:123456789012:table/users';
    expect(await put({ ...id, x: { S: 'arn' } }, { TableName: arn })).toEqual({});
    expect(await get()).toEqual({ Item: { ...id, x: { S: 'arn' } } });
  });

  test('ignore members that the API does not model', async () => {
    expect(await get({ Nonsense: { deep: [1] } })).toMatchObject({ Item: id });
  });

  test('project paths', async () => {
    await put({
      ...id,
      m: { M: { x: { N: '1' }, y: { N: '2' } } },
      l: { L: [{ N: '1' }, { N: '2' }] },
    });
    expect(
      await get({
        ProjectionExpression: 'm.#x, l[1], nothing',
        ExpressionAttributeNames: { '#x': 'x' },
      }),
    ).toEqual({ Item: { m: { M: { x: { N: '1' } } }, l: { L: [{ N: '2' }] } } });
    expect(await get({ ProjectionExpression: 'nothing' })).toEqual({ Item: {} });
  });

  test('use binary and composite keys', async () => {
    const blob = { TableName: 'blobs', Key: { id: { B: 'AAE=' } } };
    await send('PutItem', { TableName: 'blobs', Item: { ...blob.Key, x: { S: 'y' } } });
    expect(await send('GetItem', blob)).toEqual({ Item: { id: { B: 'AAE=' }, x: { S: 'y' } } });
    for (const at of ['-1', '2', '10']) {
      await send('PutItem', { TableName: 'rows', Item: { ...id, at: { N: at } } });
    }
    const key = { ...id, at: { N: '1e1' } };
    expect(await send('GetItem', { TableName: 'rows', Key: key })).toEqual({
      Item: { ...id, at: { N: '10' } },
    });
  });
});

describe('ReturnValues and ReturnConsumedCapacity', () => {
  test('return the old item on request', async () => {
    await put({ ...id, v: { N: '1' } });
    expect(await put({ ...id, v: { N: '2' } })).toEqual({});
    expect(await put({ ...id, v: { N: '3' } }, { ReturnValues: 'ALL_OLD' })).toEqual({
      Attributes: { ...id, v: { N: '2' } },
    });
    expect(await remove({ ReturnValues: 'ALL_OLD' })).toEqual({
      Attributes: { ...id, v: { N: '3' } },
    });
    expect(await remove({ ReturnValues: 'ALL_OLD' })).toEqual({});
  });

  test('count units by the larger item, reads by consistency', async () => {
    const total = { ReturnConsumedCapacity: 'TOTAL' };
    const units = (count: number): object => ({
      ConsumedCapacity: { TableName: 'users', CapacityUnits: count },
    });
    const big = { ...id, x: { S: 'x'.repeat(5000) } };
    expect(await put(big, total)).toEqual(units(5));
    expect(await put(id, total)).toEqual(units(5));
    expect(await put(id, total)).toEqual(units(1));
    await put(big);
    expect(await get({ ...total, ConsistentRead: true })).toEqual({ Item: big, ...units(2) });
    expect(await get(total)).toEqual({ Item: big, ...units(1) });
    expect(await remove(total)).toEqual(units(5));
    expect(await remove(total)).toEqual(units(1));
    expect(await get(total)).toEqual(units(0.5));
    expect(await get({ ReturnConsumedCapacity: 'INDEXES', ConsistentRead: true })).toEqual({
      ConsumedCapacity: { TableName: 'users', CapacityUnits: 1, Table: { CapacityUnits: 1 } },
    });
  });

  test('accept ReturnItemCollectionMetrics, of which there are none', async () => {
    expect(await put(id, { ReturnItemCollectionMetrics: 'SIZE' })).toEqual({});
  });
});

describe('ConditionExpression', () => {
  const failed = {
    __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
    message: 'The conditional request failed',
  };
  const onlyNew = { ConditionExpression: 'attribute_not_exists(id)' };

  test('decides, and returns the item on request', async () => {
    await remove();
    expect(await put({ ...id, v: { N: '1' } }, onlyNew)).toEqual({});
    expect(await put({ ...id, v: { N: '2' } }, onlyNew)).toEqual(failed);
    expect(await put(id, { ...onlyNew, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' })).toEqual({
      ...failed,
      Item: { ...id, v: { N: '1' } },
    });
    const condition = {
      ConditionExpression: '#v = :two',
      ExpressionAttributeNames: { '#v': 'v' },
      ExpressionAttributeValues: { ':two': { N: '2' } },
    };
    expect(await remove(condition)).toEqual(failed);
    await put({ ...id, v: { N: '2.0' } });
    expect(await remove(condition)).toEqual({});
  });
});

describe('refusals', () => {
  const length = 'failed to satisfy constraint: Member must have length greater than or equal to 1';
  const pattern =
    'failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+';
  const notNull = 'failed to satisfy constraint: Member must not be null';

  test.each<[string, object, string]>([
    [
      'PutItem',
      {},
      `2 validation errors detected: Value null at 'tableName' ${notNull}; Value null at 'item' ${notNull}`,
    ],
    [
      'PutItem',
      { TableName: '' },
      `2 validation errors detected: Value '' at 'tableName' ${length}; Value null at 'item' ${notNull}`,
    ],
    [
      'PutItem',
      {
        TableName: 'abc;',
        ReturnConsumedCapacity: 'hi',
        ReturnItemCollectionMetrics: 'hi',
        ReturnValues: 'hi',
      },
      "5 validation errors detected: Value 'hi' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; " +
        `Value 'abc;' at 'tableName' ${pattern}; Value null at 'item' ${notNull}; ` +
        "Value 'hi' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; " +
        "Value 'hi' at 'returnItemCollectionMetrics' failed to satisfy constraint: Member must satisfy enum value set: [SIZE, NONE]",
    ],
    [
      'GetItem',
      { TableName: 'x'.repeat(256), Key: id },
      `1 validation error detected: Value '${'x'.repeat(256)}' at 'tableName' failed to satisfy constraint: Member must have length less than or equal to 255`,
    ],
    [
      'DeleteItem',
      { TableName: 'abc' },
      `1 validation error detected: Value null at 'key' ${notNull}`,
    ],
    ['PutItem', { TableName: 'users', Item: {} }, `${invalid}Missing the key id in the item`],
    [
      'PutItem',
      { TableName: 'users', Item: { id: { N: '1' } } },
      `${invalid}Type mismatch for key id expected: S actual: N`,
    ],
    [
      'PutItem',
      { TableName: 'users', Item: { id: { S: '' } } },
      'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id',
    ],
    [
      'PutItem',
      { TableName: 'users', Item: { id: { S: 'x'.repeat(2049) } } },
      `${invalid}Size of hashkey has exceeded the maximum size limit of2048 bytes`,
    ],
    [
      'PutItem',
      { TableName: 'users', Item: { ...id, x: { S: 'x'.repeat(409_600) } } },
      'Item size has exceeded the maximum allowed size',
    ],
    [
      'PutItem',
      { TableName: 'users', Item: id, ReturnValues: 'ALL_NEW' },
      'ReturnValues can only be ALL_OLD or NONE',
    ],
    [
      'PutItem',
      { TableName: 'users', Item: id, Expected: { id: { Exists: false } } },
      "The parameter 'Expected' is not supported yet",
    ],
    [
      'DeleteItem',
      { TableName: 'users', Key: id, ConditionalOperator: 'AND' },
      "The parameter 'ConditionalOperator' is not supported yet",
    ],
    [
      'GetItem',
      { TableName: 'users', Key: id, AttributesToGet: ['id'] },
      "The parameter 'AttributesToGet' is not supported yet",
    ],
    [
      'PutItem',
      { TableName: 'users', Item: id, Expected: {}, ConditionExpression: 'a = b' },
      'Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}',
    ],
    [
      'PutItem',
      { TableName: 'users', Item: id, ExpressionAttributeNames: { '#a': 'a' } },
      'ExpressionAttributeNames can only be specified when using expressions',
    ],
    [
      'PutItem',
      { TableName: 'users', Item: id, ExpressionAttributeValues: { ':a': { S: 'a' } } },
      'ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null',
    ],
    [
      'PutItem',
      {
        TableName: 'users',
        Item: id,
        ConditionExpression: 'a = b',
        ExpressionAttributeNames: { '#c': 'c' },
      },
      'Value provided in ExpressionAttributeNames unused in expressions: keys: {#c}',
    ],
    [
      'PutItem',
      { TableName: 'users', Item: id, ConditionExpression: 'attribute_exists(id.x)' },
      "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: id",
    ],
    [
      'GetItem',
      { TableName: 'users', Key: {} },
      'The provided key element does not match the schema',
    ],
    [
      'GetItem',
      { TableName: 'users', Key: { ...id, x: { S: 'y' } } },
      'The provided key element does not match the schema',
    ],
    [
      'GetItem',
      { TableName: 'users', Key: { id: { N: '1' } } },
      'The provided key element does not match the schema',
    ],
    [
      'GetItem',
      { TableName: 'users', Key: { id: { S: '' } } },
      `${invalid}The AttributeValue for a key attribute cannot contain an empty string value. Key: id`,
    ],
    [
      'GetItem',
      { TableName: 'users', Key: id, ProjectionExpression: '' },
      'Invalid ProjectionExpression: The expression can not be empty;',
    ],
  ])('%s %j', async (operation, body, message) => {
    expect(await send(operation, body)).toEqual(refusal(message));
  });

  test.each<[string, object, string]>([
    ['PutItem', { TableName: 5 }, 'NUMBER_VALUE cannot be converted to String'],
    [
      'PutItem',
      { TableName: 'ab', Item: { id: { S: 5 } } },
      'NUMBER_VALUE cannot be converted to String',
    ],
    ['PutItem', { TableName: 'users', Item: 'x' }, 'Unexpected field type'],
    [
      'PutItem',
      { TableName: 'users', Item: [] },
      'Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>',
    ],
    [
      'GetItem',
      { TableName: 'users', Key: id, ConsistentRead: 'x' },
      'Unexpected token received from parser',
    ],
  ])('%s %j is a SerializationException', async (operation, body, message) => {
    expect(await send(operation, body)).toEqual({
      __type: 'com.amazon.coral.service#SerializationException',
      Message: message,
    });
  });

  test('quote no more of a request than is useful', async () => {
    const many = Array.from({ length: 50_000 }, (_, i) => String(i % 1000));
    const { status, bytes } = await server.send('PutItem', {
      TableName: 'users',
      Item: { ...id, s: { SS: many } },
    });
    expect(status).toBe(400);
    expect(bytes.length).toBeLessThan(10_000);
  });

  test('a table that does not exist', async () => {
    for (const [operation, more] of [
      ['PutItem', { Item: {} }],
      ['GetItem', { Key: {} }],
      ['DeleteItem', { Key: {} }],
    ] as const) {
      for (const name of ['nothing', 'a']) {
        expect(await send(operation, { TableName: name, ...more })).toEqual({
          __type: 'com.amazonaws.dynamodb.v20120810#ResourceNotFoundException',
          message: 'Requested resource not found',
        });
      }
    }
  });
});
