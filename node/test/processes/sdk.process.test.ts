/**
 * The AWS SDK for JavaScript, unchanged, on the launcher's cluster of real processes. Goal: all
 * seven operations work through any node, and what one node answered holds at the others at once.
 * Method: each step goes through another node than the one before.
 */
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
  waitUntilTableExists,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { must } from '../../lib/assert.ts';
import { ProcessCluster } from './cluster.ts';

let cluster: ProcessCluster | undefined;
const clients: DynamoDBClient[] = [];
let turn = 0;

beforeAll(async () => {
  cluster = await ProcessCluster.start({ name: 'sdk', shards: 4 });
  for (const node of cluster.nodes()) {
    clients.push(
      new DynamoDBClient({
        endpoint: cluster.clientUrl(node),
        region: 'us-east-1',
        credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
        maxAttempts: 1,
      }),
    );
  }
});

afterAll(async () => {
  for (const client of clients) {
    client.destroy();
  }
  await cluster?.stop();
});

/** Another node at each call. */
function next(): DynamoDBClient {
  turn += 1;
  return must(clients[turn % clients.length]);
}

const table = {
  TableName: 'Music',
  AttributeDefinitions: [
    { AttributeName: 'Artist', AttributeType: 'S' as const },
    { AttributeName: 'Year', AttributeType: 'N' as const },
  ],
  KeySchema: [
    { AttributeName: 'Artist', KeyType: 'HASH' as const },
    { AttributeName: 'Year', KeyType: 'RANGE' as const },
  ],
  BillingMode: 'PAY_PER_REQUEST' as const,
};
const TableName = table.TableName;
const Key = { Artist: { S: 'Grieg' }, Year: { N: '1875' } };

async function createTable(): Promise<string> {
  const made = await next().send(new CreateTableCommand(table));
  expect(made.TableDescription?.TableStatus).toBe('CREATING');
  await waitUntilTableExists({ client: next(), maxWaitTime: 20, minDelay: 1 }, { TableName });
  return must(made.TableDescription?.TableId);
}

async function deleteTable(): Promise<void> {
  const gone = await next().send(new DeleteTableCommand({ TableName }));
  expect(gone.TableDescription?.TableStatus).toBe('DELETING');
  await waitUntilTableNotExists({ client: next(), maxWaitTime: 20, minDelay: 1 }, { TableName });
}

describe('the AWS SDK on three nodes', () => {
  test('tables come, work everywhere, go, and come again as others', async () => {
    const first = await createTable();
    for (const client of clients) {
      await client.send(
        new PutItemCommand({ TableName, Item: { ...Key, Node: { N: String(turn) } } }),
      );
      const described = await client.send(new DescribeTableCommand({ TableName }));
      expect(described.Table).toMatchObject({ TableStatus: 'ACTIVE', TableId: first });
    }
    const listed = await next().send(new ListTablesCommand({}));
    expect(listed.TableNames).toEqual(['Music', 'kv']);
    await expect(next().send(new CreateTableCommand(table))).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });
    await deleteTable();
    for (const client of clients) {
      await expect(client.send(new GetItemCommand({ TableName, Key }))).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
      });
      await expect(client.send(new DescribeTableCommand({ TableName }))).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
      });
    }
    expect(await createTable()).not.toBe(first);
    for (const client of clients) {
      const got = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
      expect(got.Item).toBeUndefined();
    }
    await deleteTable();
  });

  test('items of all ten types, conditions, projections, deletions', async () => {
    await createTable();
    const Item: Record<string, AttributeValue> = {
      ...Key,
      Number: { N: '1.2345678901234567890123456789012345678E-10' },
      Binary: { B: new Uint8Array([0, 1, 255]) },
      Yes: { BOOL: true },
      Nothing: { NULL: true },
      Texts: { SS: ['a', 'b'] },
      Numbers: { NS: ['1', '2'] },
      Binaries: { BS: [new Uint8Array([1])] },
      List: { L: [{ S: 'x' }, { M: { deep: { N: '7' } } }] },
    };
    await next().send(new PutItemCommand({ TableName, Item }));
    const got = await next().send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
    expect(got.Item).toMatchObject({
      List: Item['List'],
      Texts: Item['Texts'],
      Yes: { BOOL: true },
      Nothing: { NULL: true },
    });
    // All 38 digits, in DynamoDB's own notation.
    expect(got.Item?.['Number']?.N).toBe('0.00000000012345678901234567890123456789012345678');
    expect([...must(got.Item?.['Binary']?.B)]).toEqual([0, 1, 255]);
    const part = await next().send(
      new GetItemCommand({
        TableName,
        Key,
        ConsistentRead: true,
        ProjectionExpression: '#l[1].deep, Yes',
        ExpressionAttributeNames: { '#l': 'List' },
      }),
    );
    expect(part.Item).toEqual({ List: { L: [{ M: { deep: { N: '7' } } }] }, Yes: { BOOL: true } });
    await expect(
      next().send(
        new PutItemCommand({
          TableName,
          Item: Key,
          ConditionExpression: 'attribute_not_exists(Artist)',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      ),
    ).rejects.toMatchObject({
      name: 'ConditionalCheckFailedException',
      Item: { Yes: { BOOL: true } },
    });
    const old = await next().send(
      new DeleteItemCommand({
        TableName,
        Key,
        ReturnValues: 'ALL_OLD',
        ConditionExpression: 'Yes = :yes',
        ExpressionAttributeValues: { ':yes': { BOOL: true } },
      }),
    );
    expect(old.Attributes).toMatchObject(Key);
    const after = await next().send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
    expect(after.Item).toBeUndefined();
    await deleteTable();
  });

  test('the table of /key is a table as any other', async () => {
    const url = must(cluster).clientUrl(2);
    const put = await fetch(`${url}/key/song`, { method: 'PUT', body: '{"a": 1.50}' });
    expect(put.status).toBe(201);
    const got = await next().send(
      new GetItemCommand({ TableName: 'kv', Key: { id: { S: 'song' } }, ConsistentRead: true }),
    );
    expect(got.Item).toMatchObject({ json: { S: '{"a": 1.50}' } });
    const listed = await next().send(new ListTablesCommand({ ExclusiveStartTableName: 'kv' }));
    expect(listed.TableNames).toEqual([]);
    const TableName = 'kv';
    await next().send(new DeleteTableCommand({ TableName }));
    await waitUntilTableNotExists({ client: next(), maxWaitTime: 20, minDelay: 1 }, { TableName });
    for (const node of must(cluster).nodes()) {
      expect((await fetch(`${must(cluster).clientUrl(node)}/key/song`)).status).toBe(409);
    }
  });
});
