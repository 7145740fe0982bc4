/**
 * Sound requests for the doors, as `METHOD PATH`, headers, an empty line and a body, and the words
 * that mutations put into them.
 */
import type { Prng } from '../../../lib/prng.ts';

const target = 'DynamoDB_20120810';

const item = {
  id: { S: 'a' },
  at: { N: '1' },
  b: { B: 'AQ==' },
  l: { L: [{ BOOL: true }, { NULL: true }] },
  m: { M: { ss: { SS: ['a', 'b'] }, ns: { NS: ['1', '2'] }, bs: { BS: ['AQ=='] } } },
};
const key = { id: { S: 'a' }, at: { N: '1' } };

const bodies: readonly (readonly [string, object])[] = [
  [
    'PutItem',
    {
      TableName: 'rows',
      Item: item,
      ConditionExpression: 'attribute_not_exists(#a) OR size(b) > :one AND l[0] IN (:one, :two)',
      ExpressionAttributeNames: { '#a': 'a' },
      ExpressionAttributeValues: { ':one': { N: '1' }, ':two': { BOOL: true } },
      ReturnValues: 'ALL_OLD',
      ReturnConsumedCapacity: 'TOTAL',
      ReturnItemCollectionMetrics: 'SIZE',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  ],
  ['PutItem', { TableName: 'users', Item: { id: { S: 'b' }, n: { N: '-12.5e3' } } }],
  [
    'GetItem',
    {
      TableName: 'rows',
      Key: key,
      ConsistentRead: true,
      ProjectionExpression: 'l[0], m.#a',
      ExpressionAttributeNames: { '#a': 'ss' },
      ReturnConsumedCapacity: 'INDEXES',
    },
  ],
  ['DeleteItem', { TableName: 'rows', Key: key, ReturnValues: 'NONE' }],
  [
    'CreateTable',
    {
      TableName: 'made',
      AttributeDefinitions: [{ AttributeName: 'a', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'a', KeyType: 'HASH' }],
      ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
      BillingMode: 'PROVISIONED',
      Tags: [{ Key: 'a', Value: 'b' }],
      DeletionProtectionEnabled: false,
    },
  ],
  ['DescribeTable', { TableName: 'rows' }],
  ['DeleteTable', { TableName: 'made' }],
  ['ListTables', { Limit: 5, ExclusiveStartTableName: 'abc' }],
];

export function drawDynamoRequest(prng: Prng): string {
  const [operation, body] = prng.pick(bodies);
  const headers = [
    `X-Amz-Target: ${target}.${operation}`,
    'Content-Type: application/x-amz-json-1.0',
  ];
  return `POST /\n${headers.join('\n')}\n\n${JSON.stringify(body)}`;
}

export const dynamoWords: readonly string[] = [
  ...bodies.map(([operation]) => operation),
  ...['"TableName":', '"Item":', '"Key":', '"S":"', '"N":"', '"B":"', '"L":[', '"M":{', '"NULL":'],
  ...['"ConditionExpression":"', '"Expected":{', '"AttributesToGet":["a"]', '"ReturnValues":"'],
  ...['null', 'true', '[]', '{}', '-1', '1e999', '""', '"users"', '"nope"', '__proto__', '\\ud800'],
  ...['\\u0000', '\xff\xfe', '[[[[[[[[', '{"a":{"a":{"a":', 'PAY_PER_REQUEST', 'ALL_NEW', '"X":1'],
  ...['X-Amz-Target: ', 'Content-Encoding: gzip\n', 'Expect: 100-continue\n', 'Transfer-Encoding:'],
];

const ids = ['a', 'a%2Fb', '%C3%A9', 'a/../b', '%00', 'x'.repeat(300), '.', '..', 'a%20b', '%25'];
const jsonBodies = [
  ...['1', 'null', '"text"', '[1,2,{"a":null}]', '{"a":{"b":[1.50,-0,1e3]}}', '""', ' { } '],
  ...['"\\ud83d\\ude00"', '12345678901234567890.123456789', '{"a":1,"a":2}'],
];
const conditions = [
  '',
  'If-Match: *\n',
  'If-None-Match: *\n',
  'If-Match: "1-1-0"\n',
  'If-None-Match: "1-1-0", "1-2-0"\n',
];

export function drawKeyRequest(prng: Prng): string {
  const method = prng.pick(['GET', 'PUT', 'PUT', 'PUT', 'DELETE', 'HEAD']);
  const query = method === 'GET' ? prng.pick(['', '', '?consistent=false']) : '';
  const headers = `${prng.pick(conditions)}Content-Type: application/json`;
  const body = method === 'PUT' ? prng.pick(jsonBodies) : '';
  return `${method} /key/${prng.pick(ids)}${query}\n${headers}\n\n${body}`;
}

export const keyWords: readonly string[] = [
  ...['GET ', 'PUT ', 'DELETE ', 'POST ', 'PATCH ', 'OPTIONS ', '/key/', '/key', '/', '?', '&'],
  ...['consistent=false', 'consistent=true', '%', '%2', '%zz', '%C3%28', '%ED%A0%80', '%00', '/..'],
  ...['If-Match: ', 'If-None-Match: ', 'W/"1"', '"', ', ', '*', '"1-1-0"', 'http://x', '#', '\\'],
  ...['null', '[', ']', '{"a":', '}', '"\\ud800"', '"\\u0000"', '1e400', '-', '01', '\xef\xbb\xbf'],
  ...['Content-Type: text/plain\n', 'Content-Encoding: gzip\n', 'Expect: 100-continue\n', '\0'],
];
