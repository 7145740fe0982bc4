/** The AWS SDK for JavaScript v3, unchanged, against the door: all seven operations. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { TestServer } from './testing-server.ts';

const server = new TestServer();
let client: DynamoDBClient;

beforeAll(async () => {
  await server.start();
  client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${server.port}`,
    region: 'local',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  });
});

afterAll(async () => {
  client.destroy();
  await server.stop();
  expect(server.faults).toEqual([]);
});

describe('@aws-sdk/client-dynamodb', () => {
  test('creates, describes, lists', async () => {
    const created = await client.send(
      new CreateTableCommand({
        TableName: 'sdk',
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'N' },
        ],
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    expect(created.TableDescription?.TableStatus).toBe('CREATING');
    const described = await client.send(new DescribeTableCommand({ TableName: 'sdk' }));
    expect(described.Table?.TableStatus).toBe('ACTIVE');
    expect(described.Table?.CreationDateTime?.getTime()).toBe(1_700_000_000_000);
    expect((await client.send(new ListTablesCommand({}))).TableNames).toEqual(['sdk']);
    expect(described.$metadata.requestId).toMatch(/^[0-9A-Z]{52}$/);
  });

  const key = { pk: { S: 'a' }, sk: { N: '1' } };

  test('keeps all ten attribute types', async () => {
    const item = {
      ...key,
      n: { N: '-1234567890123456789012345678.9012345678' },
      b: { B: Uint8Array.of(0, 1, 255) },
      t: { BOOL: true },
      u: { NULL: true },
      ss: { SS: ['a', 'b'] },
      ns: { NS: ['1', '2'] },
      bs: { BS: [Uint8Array.of(1), Uint8Array.of(2)] },
      l: { L: [{ S: 'x' }, { L: [] }] },
      m: { M: { x: { M: {} } } },
    };
    await client.send(new PutItemCommand({ TableName: 'sdk', Item: item }));
    const { Item } = await client.send(
      new GetItemCommand({ TableName: 'sdk', Key: key, ConsistentRead: true }),
    );
    expect(JSON.stringify(Item)).toBe(JSON.stringify(item));
    const projected = await client.send(
      new GetItemCommand({ TableName: 'sdk', Key: key, ProjectionExpression: 'l[0], m.x' }),
    );
    expect(projected.Item).toEqual({ l: { L: [{ S: 'x' }] }, m: { M: { x: { M: {} } } } });
  });

  test('sees failed conditions with the item', async () => {
    await client.send(new PutItemCommand({ TableName: 'sdk', Item: { ...key, v: { N: '1' } } }));
    await expect(
      client.send(
        new PutItemCommand({
          TableName: 'sdk',
          Item: key,
          ConditionExpression: 'v > :v',
          ExpressionAttributeValues: { ':v': { N: '1' } },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      ),
    ).rejects.toMatchObject({
      name: 'ConditionalCheckFailedException',
      Item: { ...key, v: { N: '1' } },
    });
  });

  test('deletes items and tables', async () => {
    const { Attributes, ConsumedCapacity } = await client.send(
      new DeleteItemCommand({
        TableName: 'sdk',
        Key: key,
        ReturnValues: 'ALL_OLD',
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    expect(Attributes).toEqual({ ...key, v: { N: '1' } });
    expect(ConsumedCapacity).toEqual({ TableName: 'sdk', CapacityUnits: 1 });
    expect((await client.send(new GetItemCommand({ TableName: 'sdk', Key: key }))).Item).toBe(
      undefined,
    );
    const deleted = await client.send(new DeleteTableCommand({ TableName: 'sdk' }));
    expect(deleted.TableDescription?.TableStatus).toBe('DELETING');
  });

  test('knows the errors by name', async () => {
    await expect(client.send(new DescribeTableCommand({ TableName: 'sdk' }))).rejects.toMatchObject(
      { name: 'ResourceNotFoundException' },
    );
    await expect(
      client.send(new QueryCommand({ TableName: 'sdk', KeyConditionExpression: 'a = b' })),
    ).rejects.toMatchObject({ name: 'UnknownOperationException' });
    await expect(
      client.send(new GetItemCommand({ TableName: 'x!', Key: key })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
  });
});
