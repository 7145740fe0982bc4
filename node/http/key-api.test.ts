/** `/key` over a real server: each row is one request and its exact answer. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DynakvError } from '../lib/errors.ts';
import type { ErrorCode } from '../lib/errors.ts';
import { itemText } from '../values/canonical-json.ts';
import { itemSize } from '../values/item-size.ts';
import type { Item } from '../values/attribute-value.ts';
import { rowTarget } from '../items/row-target.ts';
import { must } from '../lib/assert.ts';
import { kvTableSpec } from './kv-table.ts';
import { TestClient } from './testing-client.ts';

const client = new TestClient({ discardBytesMax: 1_000_000 });

beforeAll(async () => {
  await client.start();
});

afterAll(async () => {
  await client.stop();
  expect(client.faults).toEqual([]);
});

/** Puts an item past the `/key` door. */
async function putItem(item: Item & { id: { S: string } }): Promise<void> {
  const table = must(client.backend.peek('kv'));
  await client.backend.execute({
    kind: 'put',
    ...rowTarget(table, item.id.S),
    item: itemText(item),
    itemSize: itemSize(item),
    returns: 'nothing',
    returnOldOnFailure: false,
  });
}

function problem(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

describe('PUT, GET, HEAD and DELETE /key/{id}', () => {
  test('keep a value to the letter, with its version as ETag', async () => {
    const json = ' {"city": "Ålesund",\n\t"n": 1.0e0, "city":2} ';
    const created = await client.send('PUT', '/key/user1', json);
    expect(created).toMatchObject({ status: 201, text: '' });
    expect(created.headers.etag).toMatch(/^"1-\d+-0"$/);
    const read = await client.send('GET', '/key/user1');
    expect(read).toMatchObject({ status: 200, text: json });
    expect(read.headers['content-type']).toBe('application/json');
    expect(read.headers.etag).toBe(created.headers.etag);
    const head = await client.send('HEAD', '/key/user1');
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers['content-length']).toBe(String(Buffer.byteLength(json)));
    expect(head.headers.etag).toBe(created.headers.etag);
    const replaced = await client.send('PUT', '/key/user1', 'null');
    expect(replaced.status).toBe(200);
    expect(replaced.headers.etag).not.toBe(created.headers.etag);
    expect(await client.send('DELETE', '/key/user1')).toMatchObject({ status: 204, text: '' });
    expect(await client.send('DELETE', '/key/user1')).toMatchObject({ status: 204, text: '' });
    expect((await client.send('GET', '/key/user1')).status).toBe(404);
  });

  test.each(['0', '"x"', 'true', 'null', '[]', '[1, 2]', '"\\ud800"', '"é\u{1f600}"'])(
    'keep the value %j',
    async (json) => {
      await client.send('PUT', '/key/any', json);
      expect((await client.send('GET', '/key/any')).text).toBe(json);
    },
  );

  test.each([
    ['/key/a/b//c/..', 'a/b//c/..'],
    ['/key/a%2Fb', 'a/b'],
    ['/key/%C3%85', 'Å'],
    ['/key/a+b', 'a+b'],
    ['/key/%2500', '%00'],
    ['/key/%00', '\0'],
    ['http://elsewhere:80/key/x?', 'x'],
    ['/key/?', undefined],
  ])('take %j for the id %j', async (path, id) => {
    const reply = await client.send('PUT', path, '1');
    if (id === undefined) {
      expect(reply.status).toBe(400);
      return;
    }
    expect([200, 201]).toContain(reply.status);
    const table = must(client.backend.peek('kv'));
    expect(client.backend.commands.at(-1)?.rowKey).toEqual(rowTarget(table, id).rowKey);
  });

  test('read as consistently as asked', async () => {
    await client.send('GET', '/key/any');
    expect(client.backend.commands.at(-1)).toMatchObject({ consistent: true });
    await client.send('GET', '/key/any?consistency=eventual');
    expect(client.backend.commands.at(-1)).toMatchObject({ consistent: false });
    await client.send('GET', '/key/any?consistency=strong');
    expect(client.backend.commands.at(-1)).toMatchObject({ consistent: true });
  });
});

describe('preconditions', () => {
  test('make compare-and-set', async () => {
    await client.send('DELETE', '/key/cas');
    const send = (headers: Record<string, string>, method = 'PUT'): Promise<number> =>
      client
        .send(method, '/key/cas', method === 'PUT' ? '1' : '', headers)
        .then(({ status }) => status);
    expect(await send({ 'If-Match': '*' })).toBe(412);
    expect(await send({ 'If-Match': '"1-1-0"' }, 'DELETE')).toBe(412);
    expect(await send({ 'If-None-Match': '*' })).toBe(201);
    expect(await send({ 'If-None-Match': '*' })).toBe(412);
    const etag = String((await client.send('GET', '/key/cas')).headers.etag);
    expect(await send({ 'If-None-Match': etag }, 'GET')).toBe(304);
    expect(await send({ 'If-None-Match': `"x", W/${etag}` }, 'GET')).toBe(304);
    expect(await send({ 'If-None-Match': '"x"' }, 'GET')).toBe(200);
    expect(await send({ 'If-None-Match': '*' }, 'HEAD')).toBe(304);
    expect(await send({ 'If-Match': '"x"' }, 'GET')).toBe(412);
    expect(await send({ 'If-Match': `W/${etag}` })).toBe(412);
    expect(await send({ 'If-Match': `"x", ${etag}` })).toBe(200);
    expect(await send({ 'If-Match': etag })).toBe(412);
    expect(await send({ 'If-Match': '*' }, 'DELETE')).toBe(204);
    expect(await send({ 'If-Match': '*' }, 'DELETE')).toBe(412);
  });

  test('tell the present entity tag', async () => {
    const { headers } = await client.send('PUT', '/key/cas', '1');
    const { text } = await client.send('PUT', '/key/cas', '1', { 'If-Match': '"x"' });
    expect(problem(text)).toEqual({
      type: 'urn:dynakv:problem:precondition-failed',
      title: 'A precondition failed',
      status: 412,
      detail: `The stored value has the entity tag ${headers.etag}`,
      instance: '/key/cas',
      requestId: 'REQUEST1',
      etag: headers.etag,
    });
  });

  test.each([['x'], [''], ['"a" "b"'], ['"a",,"b"'], ['*, "a"']])(
    'refuse the header %j',
    async (header) => {
      const reply = await client.send('GET', '/key/cas', '', { 'If-Match': header });
      expect(reply.status).toBe(400);
    },
  );
});

describe('problems', () => {
  test.each<[string, string, string, number, string]>([
    ['GET', '/key/nobody', '', 404, 'key-not-found'],
    ['GET', '/key', '', 400, 'invalid-id'],
    ['GET', '/key/', '', 400, 'invalid-id'],
    ['GET', '/key/%', '', 400, 'invalid-id'],
    ['GET', '/key/%zz', '', 400, 'invalid-id'],
    ['GET', '/key/%ff', '', 400, 'invalid-id'],
    ['GET', `/key/${'x'.repeat(2049)}`, '', 400, 'invalid-id'],
    ['GET', '/key/a?consistency=maybe', '', 400, 'invalid-query'],
    ['GET', '/key/a?consistency=strong&consistency=strong', '', 400, 'invalid-query'],
    ['GET', '/key/a?x=1', '', 400, 'invalid-query'],
    ['PUT', '/key/a?consistency=strong', '1', 400, 'invalid-query'],
    ['PUT', '/key/a', '', 400, 'invalid-json'],
    ['POST', '/key/a', '1', 405, 'method-not-allowed'],
    ['PATCH', '/key/a', '1', 405, 'method-not-allowed'],
    ['OPTIONS', '/key/a', '', 405, 'method-not-allowed'],
    ['GET', '/keys', '', 404, 'not-found'],
    ['POST', '/', '{}', 404, 'not-found'],
    ['GET', '/KEY/a', '', 404, 'not-found'],
  ])('%s %.40s %j → %d %s', async (method, path, body, status, name) => {
    const reply = await client.send(method, path, body);
    expect(reply.status).toBe(status);
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(problem(reply.text)).toMatchObject({ type: `urn:dynakv:problem:${name}`, status });
    expect(reply.headers.allow).toBe(status === 405 ? 'GET, HEAD, PUT, DELETE' : undefined);
  });

  test('tell where a body stops being JSON', async () => {
    const reply = await client.send('PUT', '/key/a', '{"a":1,\n "b":x}');
    expect(reply.status).toBe(400);
    expect(problem(reply.text)).toMatchObject({
      detail: 'Unexpected "x" at position 13 (line 2, column 6)',
      position: 13,
      line: 2,
      column: 6,
    });
    const bytes = await client.send('PUT', '/key/a', Buffer.from([0x22, 0x61, 0xff, 0x22]));
    expect(bytes.status).toBe(400);
    expect(problem(bytes.text)).toMatchObject({ position: 2 });
  });

  test('refuse more than 409,600 bytes of id, names and text', async () => {
    const overhead = 'abc'.length + 'id'.length + 'json'.length + 2;
    const fits = `"${'x'.repeat(409_600 - overhead)}"`;
    expect((await client.send('PUT', '/key/abc', fits)).status).toBe(201);
    expect((await client.send('PUT', '/key/abcd', fits)).status).toBe(413);
    expect((await client.send('PUT', '/key/abc', `${fits} `)).status).toBe(413);
    expect((await client.send('PUT', '/key/abc', ' '.repeat(600_000))).status).toBe(413);
    const endless = await client.send('PUT', '/key/abc', ' '.repeat(1_500_000));
    expect(endless).toMatchObject({ status: 413, headers: { connection: 'close' } });
  });

  test('answer an item without JSON text with 422', async () => {
    await putItem({ id: { S: 'bare' } });
    expect((await client.send('GET', '/key/bare')).status).toBe(422);
    await putItem({ id: { S: 'bare' }, json: { N: '1' } });
    expect((await client.send('HEAD', '/key/bare')).status).toBe(422);
    await putItem({ id: { S: 'bare' }, json: { S: 'not json' } });
    expect((await client.send('GET', '/key/bare')).status).toBe(422);
    expect((await client.send('PUT', '/key/bare', '1')).status).toBe(200);
    expect((await client.send('GET', '/key/bare')).text).toBe('1');
  });

  test.each<[ErrorCode, number, string]>([
    ['Throttled', 429, 'throttled'],
    ['OutcomeUnknown', 500, 'unknown-outcome'],
    ['Unavailable', 503, 'unavailable'],
    ['DeadlineBeforeStart', 503, 'unavailable'],
    ['Refused', 409, 'refused'],
  ])('tell a client of %s', async (code, status, name) => {
    client.backend.failures.push(new DynakvError(code, 'Cannot go on: 7 entries wait'));
    const reply = await client.send('PUT', '/key/a', '1');
    expect(reply.status).toBe(status);
    expect(problem(reply.text)).toMatchObject({
      type: `urn:dynakv:problem:${name}`,
      detail: 'Cannot go on: 7 entries wait',
    });
  });

  test('hide a fault of the program and log it', async () => {
    client.backend.failures.push(new TypeError('secret'));
    const reply = await client.send('GET', '/key/a');
    expect(reply.status).toBe(500);
    expect(reply.text).not.toContain('secret');
    expect(client.faults.splice(0)).toMatchObject([{ operation: 'key GET', error: 'secret' }]);
  });

  test('answer with 409 while the table kv is gone, going, or another', async () => {
    client.backend.setStatus('kv', 'DELETING');
    expect((await client.send('GET', '/key/a')).status).toBe(409);
    client.backend.drop('kv');
    const gone = await client.send('PUT', '/key/a', '1');
    expect(gone.status).toBe(409);
    expect(problem(gone.text)['detail']).toContain('does not exist');
    await client.backend.create({ ...kvTableSpec, partitionKey: { name: 'pk', type: 'S' } });
    expect((await client.send('GET', '/key/a')).status).toBe(409);
    client.backend.drop('kv');
    await client.backend.create(kvTableSpec);
    expect((await client.send('GET', '/key/a')).status).toBe(404);
  });
});

describe('GET /', () => {
  test('tells that the service is there', async () => {
    const reply = await client.send('GET', '/');
    expect(reply.status).toBe(200);
    expect(reply.text).toMatch(/^healthy: dynamodb/);
  });
});
