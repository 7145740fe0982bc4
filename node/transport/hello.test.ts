/** The judgement on a hello: a table with every refusal; the encoding of hellos. */
import { describe, expect, test } from '@jest/globals';

import {
  bootNoncesMax,
  decodeHello,
  decodeHelloReply,
  encodeHello,
  encodeHelloReply,
  helloTo,
  isNewRecord,
  judgeHello,
  type Hello,
  type HelloRefusal,
  type PeerRecord,
} from './hello.ts';

const ours: Hello = helloTo(2, {
  clusterId: 'c',
  nodeId: 1,
  storeId: 's1',
  bootNonces: ['x'],
  logPosition: 5,
});
const theirs: Hello = helloTo(1, {
  clusterId: 'c',
  nodeId: 2,
  storeId: 's2',
  bootNonces: ['a', 'b', 'c'],
  logPosition: 100,
});
const seen: PeerRecord = { storeId: 's2', bootNonce: 'b', logPosition: 90 };

describe('judgeHello()', () => {
  test.each<[string, PeerRecord | undefined]>([
    ['a first meeting', undefined],
    ['a later boot', seen],
    ['the same boot again', { ...seen, bootNonce: 'c' }],
    ['the position that was reported', { ...seen, logPosition: 100 }],
  ])('accepts %s', (_name, record) => {
    expect(judgeHello(ours, theirs, record)).toEqual({
      accepted: true,
      bootId: 'c',
      protocolVersion: 1,
      record: { storeId: 's2', bootNonce: 'c', logPosition: 100 },
    });
  });

  test.each<[string, HelloRefusal, Partial<Hello>, PeerRecord | undefined]>([
    ['another cluster', 'WrongCluster', { clusterId: 'd' }, undefined],
    ['a node that was not meant', 'WrongNode', { nodeId: 3 }, undefined],
    ['a node that means another', 'WrongNode', { toNodeId: 3 }, undefined],
    ['another disk', 'OtherStore', { storeId: 's9' }, seen],
    ['a disk rolled back to before the boot seen', 'BootUnknown', { bootNonces: ['a'] }, seen],
    ['a rolled-back disk that booted often', 'BootUnknown', { bootNonces: ['a', 'p', 'q'] }, seen],
    ['a clone with a boot of its own', 'BootUnknown', { bootNonces: ['a', 'z'] }, seen],
    ['a store that failed', 'Quarantined', {}, { ...seen, quarantined: 'EIO' }],
    ['a log behind what was reported', 'LogBehind', { logPosition: 89 }, seen],
    [
      'a version above ours',
      'IncompatibleVersion',
      { protocolVersionMin: 2, protocolVersionMax: 3 },
      undefined,
    ],
    [
      'a version below ours',
      'IncompatibleVersion',
      { protocolVersionMin: 0, protocolVersionMax: 0 },
      undefined,
    ],
    ['no boot', 'Malformed', { bootNonces: [] }, undefined],
    [
      'a history without bound',
      'Malformed',
      { bootNonces: Array.from({ length: bootNoncesMax + 1 }, (_, i) => `${i}`) },
      undefined,
    ],
  ])('refuses %s', (_name, reason, change, record) => {
    const verdict = judgeHello(ours, { ...theirs, ...change }, record);
    expect(verdict).toMatchObject({ accepted: false, reason });
  });

  test('refuses this node itself', () => {
    const self = { ...ours, toNodeId: 1 };
    expect(judgeHello(self, self, undefined)).toMatchObject({ reason: 'WrongNode' });
  });

  test('speaks the highest version that both know', () => {
    const wide = { ...theirs, protocolVersionMin: 1, protocolVersionMax: 4 };
    const ourWide = { ...ours, protocolVersionMin: 1, protocolVersionMax: 3 };
    expect(judgeHello(ourWide, wide, undefined)).toMatchObject({ protocolVersion: 3 });
  });
});

test('isNewRecord() sees every field', () => {
  expect(isNewRecord(seen, undefined)).toBe(true);
  expect(isNewRecord(seen, { ...seen })).toBe(false);
  expect(isNewRecord(seen, { ...seen, logPosition: 1 })).toBe(true);
});

describe('hello encoding', () => {
  test('returns what went in', () => {
    expect(decodeHello(encodeHello(theirs))).toEqual(theirs);
    expect(decodeHelloReply(encodeHelloReply(theirs))).toEqual(theirs);
  });

  test.each<[string, Uint8Array]>([
    ['nothing', Buffer.alloc(0)],
    ['random bytes', Buffer.from('ffee0102030405', 'hex')],
    ['an empty cluster id', encodeHello({ ...theirs, clusterId: '' })],
    ['an endless text', encodeHello({ ...theirs, storeId: 'x'.repeat(257) })],
    ['a fractional position', encodeHello({ ...theirs, logPosition: 1.5 })],
    ['node 0', encodeHello({ ...theirs, nodeId: 0 })],
  ])('refuses %s', (_name, bytes) => {
    expect(() => decodeHello(bytes)).toThrow(/Cannot read a hello/);
  });
});
