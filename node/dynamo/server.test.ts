/**
 * What all operations share, over a real HTTP server: headers, protocol errors, limits, and the
 * errors of the node as clients see them.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { crc32 } from 'node:zlib';
import { DynakvError } from '../lib/errors.ts';
import type { ErrorCode } from '../lib/errors.ts';
import { createTestTables, TestServer } from './testing-server.ts';

const observed: [string, string][] = [];
let inFlight = 0;
const server = new TestServer({
  limits: { bodyBytesMax: 100_000, discardBytesMax: 200_000 },
  observer: {
    started: () => {
      inFlight += 1;
    },
    finished: (operation, outcome) => {
      inFlight -= 1;
      observed.push([operation, outcome]);
    },
  },
});

beforeAll(async () => {
  await server.start();
  await createTestTables(server);
});

afterAll(async () => {
  await server.stop();
});

describe('createDynamoHandler()', () => {
  test('answers with type, length, request id and the CRC-32 of the body', async () => {
    const { status, headers, bytes } = await server.send('ListTables', {});
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/x-amz-json-1.0');
    expect(headers['content-length']).toBe(String(bytes.length));
    expect(headers['x-amzn-requestid']).toMatch(/^[0-9A-Z]{52}$/);
    expect(headers['x-amz-crc32']).toBe(String(crc32(bytes)));
  });

  test('gives each request an id of its own', async () => {
    const [a, b] = await Promise.all([
      server.send('ListTables', {}),
      server.send('ListTables', {}),
    ]);
    expect(a.headers['x-amzn-requestid']).not.toBe(b.headers['x-amzn-requestid']);
  });

  test('accepts any Authorization header', async () => {
    const reply = await server.send('ListTables', {}, { authorization: 'nonsense' });
    expect(reply.status).toBe(200);
  });

  test.each([['Scan'], [''], ['PutItem.x'], ['toString']])(
    'answers the unknown operation %p with UnknownOperationException',
    async (operation) => {
      const { status, body } = await server.send(operation, {});
      expect(status).toBe(400);
      expect(body).toMatchObject({
        __type: 'com.amazon.coral.service#UnknownOperationException',
      });
    },
  );

  test.each([
    ['', 'not valid JSON'],
    ['{', 'not valid JSON'],
    ['[]', 'must be a JSON object'],
    ['null', 'must be a JSON object'],
    ['"x"', 'must be a JSON object'],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'not valid UTF-8'],
    ['['.repeat(90_000), 'not valid JSON'],
  ])('answers a body that is no JSON object with SerializationException', async (text, what) => {
    const { status, body } = await server.send('PutItem', text);
    expect(status).toBe(400);
    expect(body).toEqual({
      __type: 'com.amazon.coral.service#SerializationException',
      Message: `The request body ${what.startsWith('must') ? what : `is ${what}`}`,
    });
  });

  test.each([
    [150_000, 'keep-alive'],
    [400_000, 'close'],
  ])('answers a body of %d bytes with 413', async (length, connection) => {
    const { status, headers } = await server.send('PutItem', Buffer.alloc(length, 0x20));
    expect(status).toBe(413);
    expect(headers.connection).toBe(connection);
  });

  test.each<[ErrorCode, number, string]>([
    ['Throttled', 400, 'com.amazon.coral.availability#ThrottlingException'],
    ['OutcomeUnknown', 500, 'com.amazonaws.dynamodb.v20120810#InternalServerError'],
    ['DeadlineBeforeStart', 503, 'com.amazon.coral.service#ServiceUnavailableException'],
    ['Unavailable', 503, 'com.amazon.coral.service#ServiceUnavailableException'],
    ['NoSpace', 503, 'com.amazon.coral.service#ServiceUnavailableException'],
    ['StoreFailed', 503, 'com.amazon.coral.service#ServiceUnavailableException'],
    ['Refused', 400, 'com.amazon.coral.validate#ValidationException'],
  ])('tells a client of %s', async (code, status, type) => {
    server.backend.failures.push(new DynakvError(code, 'Cannot go on: 7 entries wait'));
    const reply = await server.send('GetItem', { TableName: 'users', Key: { id: { S: 'a' } } });
    expect(reply.status).toBe(status);
    expect(reply.body).toMatchObject({
      __type: type,
      message: expect.stringContaining('Cannot go on: 7 entries wait'),
    });
  });

  test('logs a fault of the program and tells the client nothing of it', async () => {
    server.backend.failures.push(new TypeError('secret'));
    const reply = await server.send('GetItem', { TableName: 'users', Key: { id: { S: 'a' } } });
    expect(reply.status).toBe(500);
    expect(reply.body).toEqual({
      __type: 'com.amazonaws.dynamodb.v20120810#InternalServerError',
      message: 'Internal server error',
    });
    expect(server.faults.splice(0)).toMatchObject([{ operation: 'GetItem', error: 'secret' }]);
  });

  test('tells its observer the operation and the outcome', async () => {
    observed.length = 0;
    await server.send('ListTables', {});
    await server.send('DescribeTable', { TableName: 'none' });
    await server.send('Scan', {});
    expect(observed).toEqual([
      ['ListTables', 'ok'],
      ['DescribeTable', 'client'],
      ['unknown', 'client'],
    ]);
    expect(inFlight).toBe(0);
  });
});

describe('executeOnTable() behind the door', () => {
  const get = { TableName: 'users', Key: { id: { S: 'a' } } };

  test('asks the leader about a table that the local catalog does not know', async () => {
    server.backend.peeks = false;
    const reply = await server.send('GetItem', get);
    server.backend.peeks = true;
    expect(reply.status).toBe(200);
  });

  test('makes the command anew when the shard knows another version', async () => {
    server.backend.failures.push(new DynakvError('SchemaMismatch', 'Version 2 is known'));
    expect((await server.send('GetItem', get)).status).toBe(200);
  });

  test('gives up after a few attempts', async () => {
    for (let i = 0; i < 4; i++) {
      server.backend.failures.push(new DynakvError('SchemaMismatch', 'Version 2 is known'));
    }
    expect((await server.send('GetItem', get)).status).toBe(503);
    expect(server.backend.failures).toEqual([]);
  });

  test.each(['CREATING', 'DELETING'] as const)('refuses a table that is %s', async (status) => {
    server.backend.setStatus('users', status);
    const reply = await server.send('GetItem', get);
    server.backend.setStatus('users', 'ACTIVE');
    expect(reply.body).toEqual({
      __type: 'com.amazonaws.dynamodb.v20120810#ResourceNotFoundException',
      message: 'Requested resource not found',
    });
  });
});
