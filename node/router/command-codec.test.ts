/**
 * Goal: every command and reply comes back from its frame as it was, and no bytes whatever make
 * anything but a `BadFrame`. Method: generated values, random bytes, damaged good frames.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteWriter } from '../lib/bytes.ts';
import type { GroupFacts } from '../host/group-commands.ts';
import { DynakvError, errorTable, isDynakvError } from '../lib/errors.ts';
import type { ErrorCode } from '../lib/errors.ts';
import { ConfChangeType } from '../raft/conf-change.ts';
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  mayHaveEffect,
} from './command-codec.ts';
import type { AnyCommand, AnyReply } from './command-codec.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const target = { tableId: u32, schemaVersion: u32, hash: u32, rowKey: bytes };
const versions = fc.oneof(
  fc.constant('any' as const),
  fc.array(fc.string({ maxLength: 12 }), { maxLength: 3 }),
);
const write = {
  ...target,
  returns: fc.constantFrom('nothing' as const, 'existence' as const, 'old' as const),
  returnOldOnFailure: fc.boolean(),
};
const options = fc.record(
  {
    condition: fc.constant({ kind: 'exists', path: ['a', 3, '\u0000\ud83d\ude00'] } as const),
    precondition: fc.record({ match: versions, noneMatch: versions }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const changeType = fc.constantFrom(...Object.values(ConfChangeType));
const replicaId = fc.integer({ min: 1 });
const commands: fc.Arbitrary<AnyCommand> = fc.oneof(
  fc.record({ kind: fc.constant('get' as const), consistent: fc.boolean(), ...target }),
  fc
    .tuple(
      fc.record({ kind: fc.constant('put' as const), item: bytes, itemSize: u32, ...write }),
      options,
    )
    .map(([command, more]) => ({ ...command, ...more })),
  fc
    .tuple(fc.record({ kind: fc.constant('delete' as const), ...write }), options)
    .map(([command, more]) => ({ ...command, ...more })),
  fc.record({
    kind: fc.constant('schema' as const),
    row: fc.record({
      tableId: u32,
      version: u32,
      state: fc.constantFrom('live' as const, 'dropped' as const),
    }),
  }),
  fc.record({
    kind: fc.constant('system' as const),
    body: fc.record({ op: fc.string(), name: fc.string() }),
  }),
  fc.record({ kind: fc.constant('describe' as const), confirmed: fc.boolean() }),
  fc.record({
    kind: fc.constant('configure' as const),
    expectedIndex: u32,
    changes: fc.array(fc.record({ type: changeType, id: replicaId }), { maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('transfer' as const), to: replicaId }),
  fc.record({ kind: fc.constant('survey' as const), after: fc.integer({ min: -1 }) }),
  fc.constant({ kind: 'whereabouts' as const }),
);
const stored = fc.option(
  fc.record({ item: bytes, itemSize: u32, version: fc.string({ maxLength: 20 }) }),
  { nil: undefined },
);
const ids = fc.array(replicaId, { maxLength: 3 });
const facts: fc.Arbitrary<GroupFacts> = fc.record({
  ...{ groupId: u32, replicaId, term: u32, commitIndex: u32, configurationIndex: u32 },
  confState: fc.record({
    ...{ voters: ids, learners: ids, votersOutgoing: ids, learnersNext: ids },
    autoLeave: fc.boolean(),
  }),
  members: fc.array(
    fc.record({
      ...{ replicaId, match: u32, active: fc.boolean() },
      state: fc.constantFrom('probe' as const, 'replicate' as const, 'snapshot' as const),
    }),
    { maxLength: 3 },
  ),
  ...{ bytes: u32, asleep: fc.boolean(), led: fc.boolean() },
});
const replies: fc.Arbitrary<AnyReply> = fc.oneof(
  fc.record({ kind: fc.constant('got' as const), found: stored }),
  fc.record({
    kind: fc.constant('written' as const),
    version: fc.option(fc.string(), { nil: undefined }),
    existed: fc.option(fc.boolean(), { nil: undefined }),
    old: stored,
  }),
  fc.record({ kind: fc.constant('conditionFailed' as const), old: stored }),
  fc.record({
    kind: fc.constant('preconditionFailed' as const),
    version: fc.option(fc.string(), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('system' as const), body: fc.record({ names: fc.string() }) }),
  facts.map((each) => ({ kind: 'described' as const, facts: each })),
  fc.record({ kind: fc.constant('configured' as const), index: u32 }),
  fc.constant({ kind: 'transferred' as const }),
  fc.record({
    kind: fc.constant('surveyed' as const),
    groups: fc.array(facts, { maxLength: 3 }),
    more: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('found' as const),
    index: u32,
    members: fc.array(fc.record({ nodeId: replicaId, address: fc.string() }), { maxLength: 3 }),
    systemReplicas: fc.array(fc.record({ replicaId, nodeId: replicaId }), { maxLength: 3 }),
  }),
);

/** The decoder's outcome: a value, or `BadFrame`; anything else fails the test. */
function survives(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    return isDynakvError(error, 'BadFrame');
  }
}

function frameWith(head: string): Buffer {
  return new ByteWriter()
    .varint(1)
    .varint(1)
    .varint(1)
    .text(head)
    .bytes(Buffer.alloc(0))
    .bytes(Buffer.alloc(0))
    .finish();
}

describe('encodeRequest()', () => {
  test('every command comes back as it was', () => {
    fc.assert(
      fc.property(commands, u32, u32, u32, (command, id, groupId, deadlineLeftMs) => {
        const request = { id, groupId, deadlineLeftMs, command };
        expect(decodeRequest(encodeRequest(request))).toEqual(request);
      }),
    );
  });

  test('a deadline that has passed is sent as zero', () => {
    const command: AnyCommand = { kind: 'system', body: {} };
    const frame = encodeRequest({ id: 1, groupId: 0, deadlineLeftMs: -3.5, command });
    expect(decodeRequest(frame).deadlineLeftMs).toBe(0);
  });
});

describe('encodeReply()', () => {
  test('every reply comes back as it was', () => {
    fc.assert(
      fc.property(replies, u32, (reply, id) => {
        const decoded = decodeReply(encodeReply(id, undefined, reply));
        expect(decoded).toEqual({ id, error: undefined, reply });
      }),
    );
  });

  test('every error keeps its code, message and facts', () => {
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      const error = new DynakvError(code, `"${code}"`, { leaderNode: 3, limit: 'x', own: false });
      const decoded = decodeReply(encodeReply(7, error, undefined));
      expect(decoded).toMatchObject({ id: 7, error: { code, message: error.message } });
      expect(decoded.error?.facts).toEqual(error.facts);
    }
  });

  test('a code of a newer release counts as unknown, never as not done', () => {
    const frame = new ByteWriter().varint(1).u8(0).text('["HalfDone","so"]').finish();
    expect(decodeReply(frame).error?.code).toBe('OutcomeUnknown');
  });
});

describe('decodeRequest() and decodeReply()', () => {
  test('random bytes are a bad frame', () => {
    fc.assert(
      fc.property(bytes, (frame) => {
        expect(survives(() => decodeRequest(frame))).toBe(true);
        expect(survives(() => decodeReply(frame))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a damaged frame is a bad frame or another frame', () => {
    fc.assert(
      fc.property(commands, replies, fc.nat(), fc.nat(255), (command, reply, at, flip) => {
        const request = encodeRequest({ id: 1, groupId: 1, deadlineLeftMs: 1, command });
        const answer = encodeReply(1, undefined, reply);
        for (const frame of [request, answer]) {
          const offset = at % frame.length;
          frame[offset] = (frame[offset] ?? 0) ^ flip;
        }
        expect(survives(() => decodeRequest(request))).toBe(true);
        expect(survives(() => decodeReply(answer))).toBe(true);
        expect(survives(() => decodeRequest(request.subarray(0, at % request.length)))).toBe(true);
        expect(survives(() => decodeReply(answer.subarray(0, at % answer.length)))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    '',
    '{',
    'null',
    '[]',
    '7',
    '{}',
    '{"kind":"toString"}',
    '{"kind":"get"}',
    '{"kind":"get","tableId":1,"schemaVersion":1,"hash":-1,"consistent":true}',
    '{"kind":"put","tableId":1,"schemaVersion":1,"hash":1,"itemSize":3}',
    '{"kind":"schema","row":null}',
    '{"kind":"schema","row":{"tableId":1,"version":1,"state":"new"}}',
    '{"kind":"system"}',
    '{"kind":"system","body":null}',
  ])('a head of %j is a bad frame', (head) => {
    expect(() => decodeRequest(frameWith(head))).toThrow('Cannot understand a command frame');
  });
});

describe('mayHaveEffect()', () => {
  test('only reads surely change nothing', () => {
    expect(mayHaveEffect({ kind: 'system', body: {}, reads: true })).toBe(false);
    expect(mayHaveEffect({ kind: 'system', body: {} })).toBe(true);
    const row = { tableId: 1, version: 1, state: 'live' } as const;
    expect(mayHaveEffect({ kind: 'schema', row })).toBe(true);
  });
});
