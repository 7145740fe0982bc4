/**
 * Makers of malformed requests, as raw bytes for one connection each: what a broken or hostile
 * peer may send to the client port, the peers' gRPC port and the operations port. Seeded. Sending
 * them and judging what comes back is `malformed.ts`'s business.
 */
import type { Prng } from '../../lib/prng.ts';

export interface Malformed {
  readonly name: string;
  /** Written one after the other, with a short pause between. */
  readonly parts: readonly Buffer[];
  /** Whether to end our side after the last part (else we wait for an answer or a close). */
  readonly ends: boolean;
  /** Whether a complete HTTP request was sent, so that a 4xx must come (or a close). */
  readonly http: boolean;
}

type Maker = (prng: Prng) => Malformed;

const target = 'DynamoDB_20120810';

function whole(name: string, text: string | Buffer): Malformed {
  return { name, parts: [Buffer.from(text)], ends: false, http: true };
}

function post(body: string | Buffer, headers: readonly string[], path = '/'): Buffer {
  const bytes = Buffer.from(body);
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: close',
    `Content-Length: ${bytes.length}`,
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]);
}

function dynamo(name: string, operation: string, body: string | Buffer): Malformed {
  const headers = [
    `X-Amz-Target: ${target}.${operation}`,
    'Content-Type: application/x-amz-json-1.0',
  ];
  return whole(name, post(body, headers));
}

function put(name: string, path: string, body: string | Buffer): Malformed {
  return whole(
    name,
    Buffer.from(post(body, [], path).toString('latin1').replace('POST', 'PUT'), 'latin1'),
  );
}

function garble(prng: Prng, text: string): Buffer {
  const bytes = Buffer.from(text);
  for (let i = 0; i <= prng.below(4); i++) {
    bytes[prng.below(bytes.length)] = prng.below(256);
  }
  return bytes.subarray(0, 1 + prng.below(bytes.length));
}

const operations = [
  'PutItem',
  'GetItem',
  'DeleteItem',
  'CreateTable',
  'DescribeTable',
  'ListTables',
];
const goodPut = '{"TableName":"kv","Item":{"id":{"S":"malformed"},"json":{"S":"1"}}}';

/** Values that may not stand where an item, a key, a name or a number is expected. */
const wrongValues = [
  ...['null', '1', '"x"', '[]', '{}', 'true', '{"S":1}', '{"N":"abc"}', '{"N":"1e999"}'],
  ...['{"SS":[]}', '{"SS":["a","a"]}', '{"B":"%%%"}', '{"S":"a","N":"1"}', '{"X":"y"}', '{"L":{}}'],
  ...['{"M":[]}', '{"NULL":false}', '{"BOOL":"yes"}', '{"NS":[1]}', '{"N":""}', '{"S":null}'],
];

const expressions = [
  ...['', '(', 'a = ', '((((a = b', 'size(', 'a BETWEEN 1', ':x = :x = :x', '#n', 'a IN ()'],
  ...['attribute_exists()', 'NOT', 'a = :v AND', 'contains(a)', '\u0000', 'a[99999999999] = :v'],
];

const clientMakers: readonly Maker[] = [
  (prng) => dynamo('broken JSON', prng.pick(operations), garble(prng, goodPut.slice(0, -1))),
  (prng) => dynamo('random body', prng.pick(operations), prng.bytes(1 + prng.below(2_000))),
  (prng) => dynamo('wrong top value', prng.pick(operations.slice(0, 4)), prng.pick(wrongValues)),
  (prng) =>
    dynamo(
      'wrong key type',
      prng.pick(['PutItem', 'GetItem', 'DeleteItem']),
      `{"TableName":"kv","Item":{"id":${prng.pick(wrongValues)}},"Key":${prng.pick(wrongValues)}}`,
    ),
  (prng) =>
    dynamo('wrong table name', 'GetItem', `{"TableName":${prng.pick(wrongValues)},"Key":{}}`),
  (prng) =>
    dynamo(
      'bad expression',
      'PutItem',
      `${goodPut.slice(0, -1)},"ConditionExpression":${JSON.stringify(prng.pick(expressions))}}`,
    ),
  (prng) =>
    dynamo(
      'deep nesting',
      'PutItem',
      '{"TableName":"kv","Item":{"a":'.concat('{"L":['.repeat(40 + prng.below(3_000))),
    ),
  (prng) => dynamo('unknown operation', `Nope${prng.uint32()}`, '{}'),
  (prng) => dynamo('empty body', prng.pick(operations.slice(0, 5)), ''),
  (prng) =>
    put(
      '/key with broken JSON',
      '/key/malformed',
      Buffer.concat([Buffer.from('[[[['), garble(prng, '{"a":[1,2,3')]),
    ),
  (prng) => put('/key with a long id', `/key/${'x'.repeat(2_049 + prng.below(4_000))}`, '1'),
  () => put('/key with an empty id', '/key/', '1'),
  () => put('/key with a broken escape', '/key/%E0%A4%A', '1'),
  (prng) => whole('wrong method', `BREW /key/a HTTP/1.1\r\nHost: x\r\nX: ${prng.uint32()}\r\n\r\n`),
  (prng) =>
    whole(
      'unknown path',
      `GET /nothing/${prng.uint32()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    ),
];

/** Broken HTTP, for both HTTP ports. */
const httpMakers: readonly Maker[] = [
  (prng) =>
    whole(
      'no HTTP at all',
      Buffer.concat([prng.bytes(1 + prng.below(500)), Buffer.from('\r\n\r\n')]),
    ),
  (prng) =>
    whole(
      'garbled request line',
      Buffer.concat([
        Buffer.from('G\0'),
        garble(prng, 'ET /key/a HTTP/1.1'),
        Buffer.from('\r\n\r\n'),
      ]),
    ),
  () =>
    whole(
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc',
    ),
  () =>
    whole(
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc',
    ),
  () =>
    whole(
      'bad chunk',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n',
    ),
  (prng) =>
    whole(
      'huge header',
      `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'y'.repeat(20_000 + prng.below(50_000))}\r\n\r\n`,
    ),
  () => whole('negative length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'),
  (prng) => ({
    name: 'broken off in the headers',
    parts: [
      Buffer.from('POST / HTTP/1.1\r\nHost: x\r\nContent-Le').subarray(0, 5 + prng.below(30)),
    ],
    ends: true,
    http: false,
  }),
  (prng) => ({
    name: 'broken off in the body',
    parts: [
      Buffer.from(
        `PUT /key/a HTTP/1.1\r\nHost: x\r\nContent-Length: ${100 + prng.below(900)}\r\n\r\n{"a"`,
      ),
    ],
    ends: true,
    http: false,
  }),
];

/** Large bodies and slow senders: dear, so rare. */
const rareClientMakers: readonly Maker[] = [
  (prng) =>
    put('/key with a huge body', '/key/huge', `"${'z'.repeat(500_000 + prng.below(1_000_000))}"`),
  (prng) =>
    dynamo(
      'huge item',
      'PutItem',
      `{"TableName":"kv","Item":{"id":{"S":"h"},"v":{"S":"${'z'.repeat(450_000 + prng.below(500_000))}"}}}`,
    ),
  () => dynamo('body of 17 MiB', 'PutItem', Buffer.alloc(17 * 1_048_576, 0x20)),
  (prng) => ({
    name: 'slow sender',
    parts: [
      ...Buffer.from('PUT /key/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"a').subarray(
        0,
        40 + prng.below(16),
      ),
    ].map((byte) => Buffer.from([byte])),
    ends: true,
    http: false,
  }),
];

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

const settings = frame(4, 0, 0, Buffer.alloc(0));

function raw(name: string, ...parts: Buffer[]): Malformed {
  return { name, parts, ends: true, http: false };
}

const peerMakers: readonly Maker[] = [
  (prng) => raw('random bytes', prng.bytes(1 + prng.below(4_000))),
  (prng) => raw('preface, then random bytes', preface, prng.bytes(1 + prng.below(4_000))),
  (prng) =>
    raw(
      'random frame',
      preface,
      settings,
      frame(prng.below(256), prng.below(256), prng.below(8), prng.bytes(prng.below(300))),
    ),
  (prng) =>
    raw(
      'headers that cannot be decoded',
      preface,
      settings,
      frame(1, 5, 1, prng.bytes(1 + prng.below(100))),
    ),
  (prng) =>
    raw('settings of a wrong length', preface, frame(4, 0, 0, prng.bytes(1 + prng.below(5)))),
  () =>
    raw(
      'frame that claims 16 MB',
      preface,
      settings,
      Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
    ),
  (prng) =>
    raw(
      'data on no stream',
      preface,
      settings,
      frame(0, 1, 1 + 2 * prng.below(50), prng.bytes(prng.below(200))),
    ),
  () => raw('HTTP/1.1', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')),
  (prng) =>
    raw(
      'TLS hello',
      Buffer.concat([Buffer.from('160301', 'hex'), prng.bytes(2 + prng.below(300))]),
    ),
];

const opsMakers: readonly Maker[] = [
  ...httpMakers,
  (prng) =>
    whole(
      'unknown path',
      `GET /nothing/${prng.uint32()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    ),
  () => whole('wrong method', 'DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
  () => whole('broken escape', 'GET /%E0%A4%A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
];

export type PortKind = 'client' | 'peers' | 'operations';

/** One malformed request for a port of this kind; about one in a hundred is a dear one. */
export function makeMalformed(kind: PortKind, prng: Prng): Malformed {
  switch (kind) {
    case 'client': {
      const makers = prng.chance(0.01) ? rareClientMakers : prng.pick([clientMakers, httpMakers]);
      return prng.pick(makers)(prng);
    }
    case 'peers':
      return prng.pick(peerMakers)(prng);
    case 'operations':
      return prng.pick(opsMakers)(prng);
  }
}
