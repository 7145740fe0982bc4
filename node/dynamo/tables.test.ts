/**
 * The table operations: requests and their exact answers. Each row is one request; the expected
 * messages are DynamoDB's own.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TestServer } from './testing-server.ts';

const server = new TestServer();

beforeAll(async () => {
  await server.start();
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

const model = 'com.amazonaws.dynamodb.v20120810#';
const invalid = 'One or more parameter values were invalid: ';
const definition = (name: string, type = 'S'): object => ({
  AttributeName: name,
  AttributeType: type,
});
const hash = (name: string): object => ({ AttributeName: name, KeyType: 'HASH' });
const range = (name: string): object => ({ AttributeName: name, KeyType: 'RANGE' });
const onDemand = { BillingMode: 'PAY_PER_REQUEST' };
const simple = {
  TableName: 'abc',
  AttributeDefinitions: [definition('a')],
  KeySchema: [hash('a')],
  ...onDemand,
};
const failed = (path: string, value: string, what: string): string =>
  `Value ${value} at '${path}' failed to satisfy constraint: Member must ${what}`;

describe('CreateTable', () => {
  test('records all it is given and describes it', async () => {
    const created = await send('CreateTable', {
      TableName: 'full',
      AttributeDefinitions: [definition('a', 'B'), definition('b', 'N')],
      KeySchema: [hash('a'), range('b')],
      ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 6 },
      DeletionProtectionEnabled: true,
      TableClass: 'STANDARD_INFREQUENT_ACCESS',
      Tags: [{ Key: 'k', Value: '' }],
      StreamSpecification: { StreamEnabled: false },
      SSESpecification: { Enabled: false },
    });
    const description = {
      AttributeDefinitions: [definition('a', 'B'), definition('b', 'N')],
      TableName: 'full',
      KeySchema: [hash('a'), range('b')],
      CreationDateTime: 1_700_000_000,
      ProvisionedThroughput: {
        NumberOfDecreasesToday: 0,
        ReadCapacityUnits: 5,
        WriteCapacityUnits: 6,
      },
      TableArn: 'arn:aws:dynamodb:local:000000000000:table/full',
      TableId: '00000000-0000-4000-8000-000000000001',
      DeletionProtectionEnabled: true,
      TableClassSummary: { TableClass: 'STANDARD_INFREQUENT_ACCESS' },
    };
    expect(created).toEqual({ TableDescription: { ...description, TableStatus: 'CREATING' } });
    expect(await send('DescribeTable', { TableName: 'full' })).toEqual({
      Table: { ...description, TableStatus: 'ACTIVE' },
    });
    expect(server.backend.peek('full')?.tags).toEqual([{ key: 'k', value: '' }]);
    expect(await send('DeleteTable', { TableName: 'full' })).toEqual(
      refusal(
        'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
      ),
    );
  });

  test('shows the billing mode of a table on demand', async () => {
    expect(await send('CreateTable', { ...simple, TableName: 'demand' })).toMatchObject({
      TableDescription: {
        BillingModeSummary: {
          BillingMode: 'PAY_PER_REQUEST',
          LastUpdateToPayPerRequestDateTime: 1_700_000_000,
        },
        ProvisionedThroughput: { ReadCapacityUnits: 0, WriteCapacityUnits: 0 },
      },
    });
  });

  test('refuses a name that is taken, and too many tables', async () => {
    await send('CreateTable', { ...simple, TableName: 'taken' });
    expect(await send('CreateTable', { ...simple, TableName: 'taken' })).toEqual({
      __type: `${model}ResourceInUseException`,
      message: 'Table already exists: taken',
    });
    server.backend.tablesMax = 0;
    expect(await send('CreateTable', { ...simple, TableName: 'another' })).toEqual({
      __type: `${model}LimitExceededException`,
      message: 'Too many tables',
    });
    server.backend.tablesMax = 1000;
  });

  test.each<[object, string]>([
    [{}, "The parameter 'TableName' is required but was not present in the request"],
    [
      { ...simple, TableName: '' },
      '2 validation errors detected: ' +
        `${failed('tableName', "''", 'satisfy regular expression pattern: [a-zA-Z0-9_.-]+')}; ` +
        failed('tableName', "''", 'have length greater than or equal to 3'),
    ],
    [
      { ...simple, TableName: 'ab' },
      `1 validation error detected: ${failed('tableName', "'ab'", 'have length greater than or equal to 3')}`,
    ],
    [
      { ...simple, KeySchema: [hash('a'), range('b'), range('c')] },
      '1 validation error detected: ' +
        failed(
          'keySchema',
          "'[KeySchemaElement(attributeName=a, keyType=HASH), KeySchemaElement(attributeName=b, keyType=RANGE), KeySchemaElement(attributeName=c, keyType=RANGE)]'",
          'have length less than or equal to 2',
        ),
    ],
    [
      { TableName: 'abc;' },
      '3 validation errors detected: ' +
        `${failed('attributeDefinitions', 'null', 'not be null')}; ` +
        `${failed('tableName', "'abc;'", 'satisfy regular expression pattern: [a-zA-Z0-9_.-]+')}; ` +
        failed('keySchema', 'null', 'not be null'),
    ],
    [
      {
        TableName: 'abc',
        AttributeDefinitions: [],
        KeySchema: [],
        ProvisionedThroughput: { ReadCapacityUnits: -1, WriteCapacityUnits: -1 },
        BillingMode: 'A',
      },
      '4 validation errors detected: ' +
        `${failed('billingMode', "'A'", 'satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]')}; ` +
        `${failed('provisionedThroughput.writeCapacityUnits', "'-1'", 'have value greater than or equal to 1')}; ` +
        `${failed('provisionedThroughput.readCapacityUnits', "'-1'", 'have value greater than or equal to 1')}; ` +
        failed('keySchema', "'[]'", 'have length greater than or equal to 1'),
    ],
    [
      { ...simple, AttributeDefinitions: [definition('a', 'SS')] },
      '1 validation error detected: ' +
        failed(
          'attributeDefinitions.1.member.attributeType',
          "'SS'",
          'satisfy enum value set: [B, N, S]',
        ),
    ],
    [
      { ...simple, BillingMode: undefined },
      `${invalid}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED`,
    ],
    [
      { ...simple, ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 } },
      `${invalid}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST`,
    ],
    [
      {
        ...simple,
        BillingMode: 'PROVISIONED',
        ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1_000_000_000_001 },
      },
      'Given value 1000000000001 for WriteCapacityUnits is out of bounds',
    ],
    [
      { ...simple, AttributeDefinitions: [] },
      'Invalid KeySchema: Some index key attribute have no definition',
    ],
    [
      { ...simple, AttributeDefinitions: [definition('b')] },
      `${invalid}Some index key attributes are not defined in AttributeDefinitions. Keys: [a], AttributeDefinitions: [b]`,
    ],
    [
      {
        ...simple,
        AttributeDefinitions: [definition('a'), definition('b')],
        KeySchema: [hash('a'), range('a')],
      },
      'Both the Hash Key and the Range Key element in the KeySchema have the same name',
    ],
    [
      { ...simple, KeySchema: [range('a')] },
      'Invalid KeySchema: The first KeySchemaElement is not a HASH key type',
    ],
    [
      {
        ...simple,
        AttributeDefinitions: [definition('a'), definition('b')],
        KeySchema: [hash('a'), hash('b')],
      },
      'Invalid KeySchema: The second KeySchemaElement is not a RANGE key type',
    ],
    [
      { ...simple, AttributeDefinitions: [definition('a'), definition('b')] },
      `${invalid}Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions`,
    ],
    [{ ...simple, LocalSecondaryIndexes: [{}] }, unserved('LocalSecondaryIndexes')],
    [{ ...simple, GlobalSecondaryIndexes: [{}] }, unserved('GlobalSecondaryIndexes')],
    [{ ...simple, VectorIndexes: [{}] }, unserved('VectorIndexes')],
    [
      {
        ...simple,
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' },
      },
      unserved('StreamSpecification'),
    ],
    [{ ...simple, SSESpecification: { SSEType: 'KMS' } }, unserved('SSESpecification')],
    [{ ...simple, ResourcePolicy: '{}' }, unserved('ResourcePolicy')],
    [{ ...simple, WarmThroughput: {} }, unserved('WarmThroughput')],
    [{ ...simple, OnDemandThroughput: {} }, unserved('OnDemandThroughput')],
  ])('refuses %j', async (body, message) => {
    expect(await send('CreateTable', body)).toEqual(refusal(message));
  });

  test.each<[object, string]>([
    [{ TableName: 1 }, 'NUMBER_VALUE cannot be converted to String'],
    [{ ...simple, AttributeDefinitions: 'x' }, 'Unexpected field type'],
    [{ ...simple, AttributeDefinitions: {} }, 'Start of structure or map found where not expected'],
    [{ ...simple, KeySchema: ['x'] }, 'Unexpected value type in payload'],
    [
      { ...simple, KeySchema: [[]] },
      'Unrecognized collection type class com.amazonaws.dynamodb.v20120810.KeySchemaElement',
    ],
    [
      { ...simple, ProvisionedThroughput: { ReadCapacityUnits: 'x' } },
      'STRING_VALUE cannot be converted to Long',
    ],
  ])('takes %j for no request', async (body, message) => {
    expect(await send('CreateTable', body)).toEqual({
      __type: 'com.amazon.coral.service#SerializationException',
      Message: message,
    });
  });
});

function unserved(name: string): string {
  return `The parameter '${name}' is not supported yet`;
}

describe('DescribeTable and DeleteTable', () => {
  const missing = {
    __type: `${model}ResourceNotFoundException`,
    message: 'Requested resource not found: Table: nothing not found',
  };

  test('name a table that is missing', async () => {
    expect(await send('DescribeTable', { TableName: 'nothing' })).toEqual(missing);
    expect(await send('DeleteTable', { TableName: 'nothing' })).toEqual(missing);
  });

  test('delete once, and not while the table is being created', async () => {
    await send('CreateTable', { ...simple, TableName: 'gone' });
    server.backend.setStatus('gone', 'CREATING');
    expect(await send('DeleteTable', { TableName: 'gone' })).toEqual({
      __type: `${model}ResourceInUseException`,
      message: 'Attempt to change a resource which is still in use: Table is being created: gone',
    });
    server.backend.setStatus('gone', 'DELETING');
    expect(await send('DeleteTable', { TableName: 'gone' })).toMatchObject({
      TableDescription: { TableName: 'gone', TableStatus: 'DELETING' },
    });
    server.backend.setStatus('gone', 'ACTIVE');
    expect(await send('DeleteTable', { TableName: 'gone' })).toMatchObject({
      TableDescription: { TableName: 'gone', TableStatus: 'DELETING' },
    });
    expect(server.backend.peek('gone')).toBeUndefined();
  });
});

describe('ListTables', () => {
  test('lists names in order, a page at a time', async () => {
    const paged = new TestServer();
    await paged.start();
    for (const name of ['ccc', 'aaa', 'bbb']) {
      await paged.send('CreateTable', { ...simple, TableName: name });
    }
    const list = async (body: object): Promise<unknown> =>
      (await paged.send('ListTables', body)).body;
    expect(await list({})).toEqual({ TableNames: ['aaa', 'bbb', 'ccc'] });
    expect(await list({ Limit: 2 })).toEqual({
      TableNames: ['aaa', 'bbb'],
      LastEvaluatedTableName: 'bbb',
    });
    expect(await list({ Limit: 2, ExclusiveStartTableName: 'bbb' })).toEqual({
      TableNames: ['ccc'],
    });
    expect(await list({ ExclusiveStartTableName: 'aab' })).toEqual({ TableNames: ['bbb', 'ccc'] });
    await paged.stop();
  });

  test.each<[object, string]>([
    [
      { Limit: 0 },
      `1 validation error detected: ${failed('limit', "'0'", 'have value greater than or equal to 1')}`,
    ],
    [
      { Limit: 101 },
      `1 validation error detected: ${failed('limit', "'101'", 'have value less than or equal to 100')}`,
    ],
    [
      { ExclusiveStartTableName: 'a;' },
      '2 validation errors detected: ' +
        `${failed('exclusiveStartTableName', "'a;'", 'satisfy regular expression pattern: [a-zA-Z0-9_.-]+')}; ` +
        failed('exclusiveStartTableName', "'a;'", 'have length greater than or equal to 3'),
    ],
  ])('refuses %j', async (body, message) => {
    expect(await send('ListTables', body)).toEqual(refusal(message));
  });
});
