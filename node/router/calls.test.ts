/**
 * Goal: a call ends exactly once, and a lost answer of what may have been done is unknown, of a
 * read not done. Method: a network that records, a clock moved by hand.
 */
import { describe, expect, test } from '@jest/globals';
import type { DynakvError } from '../lib/errors.ts';
import { FrameKind } from '../sys/network.ts';
import type { Lane, Network, NodeId } from '../sys/network.ts';
import { Calls } from './calls.ts';
import { decodeRequest, encodeReply } from './command-codec.ts';
import type { AnyCommand, AnyReply } from './command-codec.ts';

const rowKey = Buffer.from('k');
const target = { tableId: 1, schemaVersion: 1, hash: 1, rowKey };
const read: AnyCommand = { kind: 'get', consistent: true, ...target };
const write: AnyCommand = {
  kind: 'delete',
  returns: 'nothing',
  returnOldOnFailure: false,
  ...target,
};
const done: AnyReply = { kind: 'written', version: '1', existed: undefined, old: undefined };

class Bench {
  nowMs = 1_000;
  isUp = true;
  readonly frames: { readonly to: NodeId; readonly payload: Buffer }[] = [];
  readonly ends: string[] = [];
  readonly calls: Calls;

  constructor(bootNonce = 'this boot') {
    const network = {
      send: (to: NodeId, _lane: Lane, kind: FrameKind, payload: Uint8Array): boolean => {
        expect(kind).toBe(FrameKind.request);
        this.frames.push({ to, payload: Buffer.from(payload) });
        return this.isUp;
      },
    } as unknown as Network;
    const clock = { monotonicMs: () => this.nowMs, wallMs: () => 0 };
    this.calls = new Calls({ network, clock, bootNonce, turnSoon: () => undefined });
  }

  send(name: string, command: AnyCommand, to = 2): number {
    this.calls.send(to, 3, command, 2_000, (error: DynakvError | undefined, reply) => {
      this.ends.push(`${name} ${error?.code ?? reply?.kind ?? 'nothing'}`);
    });
    const last = this.frames.at(-1);
    return last === undefined ? 0 : decodeRequest(last.payload).id;
  }
}

describe('Calls', () => {
  test('a reply ends its call once; a second one, and one of another node, do nothing', () => {
    const bench = new Bench();
    const id = bench.send('a', write);
    bench.calls.onReply(3, encodeReply(id, undefined, done));
    expect(bench.ends).toEqual([]);
    bench.calls.onReply(2, encodeReply(id, undefined, done));
    bench.calls.onReply(2, encodeReply(id, undefined, done));
    bench.calls.peerDown(2);
    expect(bench.ends).toEqual(['a written']);
    expect(bench.calls.underWay).toBe(0);
  });

  test('a late reply to the process that ran here before ends no call of this one', () => {
    const before = new Bench('the boot before');
    const bench = new Bench();
    const late = before.send('a', read);
    bench.send('b', write);
    bench.calls.onReply(2, encodeReply(late, undefined, done));
    expect(bench.ends).toEqual([]);
    expect(bench.calls.underWay).toBe(1);
  });

  test('carries the time left, not the deadline', () => {
    const bench = new Bench();
    bench.send('a', read);
    expect(decodeRequest(bench.frames[0]?.payload ?? Buffer.alloc(0))).toMatchObject({
      deadlineLeftMs: 1_000,
      groupId: 3,
    });
  });

  test('a lost peer leaves its writes unknown and its reads not done, and others alone', () => {
    const bench = new Bench();
    bench.send('write', write);
    bench.send('read', read);
    bench.send('listing', { kind: 'system', body: {}, reads: true });
    bench.send('creating', { kind: 'system', body: {} });
    bench.send('other', write, 4);
    bench.calls.peerDown(2);
    expect(bench.ends).toEqual([
      'write OutcomeUnknown',
      'read Unavailable',
      'listing Unavailable',
      'creating OutcomeUnknown',
    ]);
    expect(bench.calls.underWay).toBe(1);
  });

  test('the deadline ends calls likewise, not a moment early', () => {
    const bench = new Bench();
    bench.send('write', write);
    bench.send('read', read);
    bench.nowMs = 1_999;
    bench.calls.sweep();
    expect(bench.ends).toEqual([]);
    bench.nowMs = 2_000;
    bench.calls.sweep();
    expect(bench.ends).toEqual(['write OutcomeUnknown', 'read Unavailable']);
  });

  test('what could not be sent was surely not done', () => {
    const bench = new Bench();
    bench.isUp = false;
    bench.send('write', write);
    expect(bench.ends).toEqual(['write Unavailable']);
    expect(bench.calls.underWay).toBe(0);
  });

  test('closing gives up what is under way', () => {
    const bench = new Bench();
    bench.send('write', write);
    bench.calls.close();
    expect(bench.ends).toEqual(['write OutcomeUnknown']);
  });
});
