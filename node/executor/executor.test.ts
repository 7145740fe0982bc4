/**
 * The executor's rules P1 to P5, each as the schedule that breaks the obvious version. Method: one
 * replica of three whose disk, peers and cold reads answer only when the test says so.
 */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { encodeBatch } from '../items/batch.ts';
import type { ItemReply, Precondition } from '../items/command.ts';
import { encodeSchemaRow } from '../items/schema-row.ts';
import { encodeRow } from '../items/row.ts';
import { MessageType } from '../raft/messages.ts';
import { newMessage } from '../raft/new-message.ts';
import { LoneGroup } from '../sim/lone-group.ts';
import { Admission, admissionDefaults } from './admission.ts';
import { Executors } from './executors.ts';
import type { ShardCommand } from './executors.ts';

const rowKey = Buffer.from('row-a');
const target = { tableId: 5, schemaVersion: 1, hash: 0, rowKey };

function put(text: string, precondition?: Precondition): ShardCommand {
  return {
    ...target,
    kind: 'put',
    item: Buffer.from(JSON.stringify({ id: { S: 'a' }, v: { S: text } })),
    itemSize: 4,
    precondition,
    returns: 'existence',
    returnOldOnFailure: false,
  };
}

const getStrong: ShardCommand = { ...target, kind: 'get', consistent: true };

let admission: Admission;
let executors: Executors;
let lone: LoneGroup;

beforeEach(() => {
  admission = new Admission(
    admissionDefaults,
    () => false,
    () => false,
  );
  executors = new Executors(admission, {
    tableDropped: () => undefined,
    installed: () => undefined,
  });
  lone = new LoneGroup(executors);
});

/** What became of a command: `undefined` until it is answered. */
interface Heard {
  code?: string;
  reply?: ItemReply;
  times: number;
}

function run(command: ShardCommand): Heard {
  const heard: Heard = { times: 0 };
  executors.run(lone.group, command, (error, reply) => {
    heard.times += 1;
    if (error !== undefined) {
      heard.code = error.code;
    }
    if (reply !== undefined) {
      heard.reply = reply;
    }
  });
  return heard;
}

/** Opens the shard with the table's schema applied. */
function open(): void {
  lone.lead();
  const heard = run({ kind: 'schema', row: { tableId: 5, version: 1, state: 'live' } });
  lone.fetched(undefined);
  lone.commit();
  expect(heard.reply?.kind).toBe('written');
}

function versionOf(heard: Heard): string | undefined {
  return heard.reply?.kind === 'written' ? heard.reply.version : undefined;
}

describe('Executor: P1, one synchronous step', () => {
  test('a write that met a cold row starts anew when another write came between', () => {
    open();
    const slow = run(put('slow', { noneMatch: 'any' }));
    expect(lone.fetches).toHaveLength(1);
    // Meanwhile a plain write of the same key is proposed and applied.
    const fast = run({ ...put('fast'), returns: 'nothing' } as ShardCommand);
    lone.commit();
    expect(fast.reply?.kind).toBe('written');
    // The late read says "absent": evaluated on that, the slow write would go through.
    lone.fetched(undefined);
    lone.confirmReads();
    expect(slow.reply).toEqual({ kind: 'preconditionFailed', version: versionOf(fast) });
  });

  test('a write that met a cold row sees a proposal that is not applied yet', () => {
    open();
    const slow = run(put('slow', { noneMatch: 'any' }));
    const fast = run({ ...put('fast'), returns: 'nothing' } as ShardCommand);
    lone.fetched(undefined);
    lone.confirmReads();
    expect(slow.times).toBe(0);
    lone.commit();
    expect(slow.reply).toEqual({ kind: 'preconditionFailed', version: versionOf(fast) });
  });

  test('a cold row is fetched once for two writes, and the second sees the first', () => {
    open();
    const first = run(put('1', { noneMatch: 'any' }));
    const second = run(put('2', { noneMatch: 'any' }));
    expect(lone.fetches).toHaveLength(1);
    lone.fetched(undefined);
    lone.confirmReads();
    lone.commit();
    expect(first.reply).toMatchObject({ kind: 'written', existed: false });
    expect(second.reply?.kind).toBe('preconditionFailed');
  });

  test('a cold read that fails ends the command once, and frees its place', () => {
    open();
    const write = run(put('x'));
    lone.fetches.shift()?.done(undefined, new Error('EIO'));
    expect(write).toMatchObject({ code: 'StoreFailed', times: 1 });
    expect(admission.writes).toBe(0);
  });
});

describe('Executor: P2, (group, term)', () => {
  test('a role flip unseen between two pumps closes the old term', () => {
    open();
    const term = lone.group.openTerm;
    const pending = run(put('x'));
    lone.fetched(undefined);
    const read = run(getStrong);
    // Follower of a newer term, all inside one turn: nothing was pumped in between.
    const heartbeat = newMessage(MessageType.heartbeat, 1);
    lone.group.step({ ...heartbeat, from: 3, term: lone.group.term + 1 });
    expect(lone.group.openTerm).toBe(0);
    const late = run(put('late'));
    expect(late.code).toBe('NotLeader');
    lone.group.pump();
    expect(read.code).toBe('NotLeader');
    // Only what is applied at its index settles the proposal.
    expect(pending.times).toBe(0);
    lone.lead();
    expect(lone.group.openTerm).toBeGreaterThan(term);
    expect(pending).toMatchObject({ times: 1 });
    expect(pending.reply?.kind).toBe('written');
  });

  test('a fetch that ends after the term does not evaluate any more', () => {
    open();
    const slow = run(put('slow'));
    lone.depose(lone.group.lastIndex, lone.group.term, [], 1);
    lone.fetched(undefined);
    expect(slow.code).toBe('NotLeader');
    expect(admission.writes).toBe(0);
  });

  test('a strong read whose fetch ends after the term is refused', () => {
    open();
    const read = run(getStrong);
    lone.confirmReads();
    expect(lone.fetches).toHaveLength(1);
    lone.depose(lone.group.lastIndex, lone.group.term, [], 1);
    lone.fetched(undefined);
    expect(read.code).toBe('NotLeader');
  });
});

describe('Executor: P3, what became of a proposal', () => {
  test('loss of leadership and truncation settle nothing; a committed other entry does', () => {
    open();
    const before = { index: lone.group.lastIndex, term: lone.group.term };
    const write = run(put('x'));
    lone.fetched(undefined);
    lone.sync();
    // The new leader's entry takes the place, not committed yet.
    const other = encodeBatch([{ key: Buffer.from('other'), value: undefined }]);
    lone.depose(before.index, before.term, [other], before.index);
    expect(write.times).toBe(0);
    lone.receive(MessageType.heartbeat, 3, { commit: before.index + 1 });
    expect(write.code).toBe('SurelyNotDone');
    expect(admission.writes).toBe(0);
  });

  test('a stop of the group makes it unknown', () => {
    open();
    const write = run(put('x'));
    lone.fetched(undefined);
    lone.group.stop(new Error('the store failed'));
    expect(write).toMatchObject({ code: 'OutcomeUnknown', times: 1 });
  });
});

describe('Executor: P4, answers that change nothing', () => {
  /** A write in flight, and a refusal that saw it. */
  function refused(): { write: Heard; refusal: Heard } {
    open();
    const write = run({ ...put('x'), returns: 'nothing' } as ShardCommand);
    const refusal = run(put('y', { noneMatch: 'any' }));
    return { write, refusal };
  }

  test('the round alone does not release a refusal', () => {
    const { refusal } = refused();
    lone.confirmReads();
    expect(refusal.times).toBe(0);
    lone.commit();
    expect(refusal.reply?.kind).toBe('preconditionFailed');
  });

  test('applying alone does not release it either', () => {
    const { write, refusal } = refused();
    lone.commit();
    expect(write.reply?.kind).toBe('written');
    expect(refusal.times).toBe(0);
    lone.confirmReads();
    expect(refusal.reply?.kind).toBe('preconditionFailed');
  });

  test('a round begun before the evaluation does not count', () => {
    open();
    run(getStrong);
    const before = lone.takeSent();
    const refusal = run(put('y', { match: 'any' }));
    lone.fetched(undefined);
    for (const sent of before) {
      if (sent.type === MessageType.heartbeat && sent.to === 2) {
        lone.receive(MessageType.heartbeatResp, 2, { context: sent.context });
      }
    }
    expect(refusal.times).toBe(0);
    lone.confirmReads();
    expect(refusal.reply?.kind).toBe('preconditionFailed');
  });

  test('a refusal from rows that never commit is not given out', () => {
    const { refusal } = refused();
    lone.depose(lone.group.lastIndex - 1, lone.group.term, [Buffer.alloc(0)], 1);
    lone.confirmReads();
    expect(refusal.code).toBe('NotLeader');
  });
});

describe('Executor: P5 and the rest', () => {
  test('two writes of one key in one turn have two versions', () => {
    open();
    const writes = ['1', '2', '3'].map((text) =>
      run({ ...put(text), returns: 'nothing' } as ShardCommand),
    );
    lone.commit();
    expect(new Set(writes.map(versionOf)).size).toBe(3);
    const read = run(getStrong);
    lone.confirmReads();
    expect(read.reply).toMatchObject({ found: { version: versionOf(writes[2] as Heard) } });
  });

  test('a write of another schema version is refused, with what the shard knows', () => {
    open();
    expect(run({ ...put('x'), schemaVersion: 2 } as ShardCommand).code).toBe('SchemaMismatch');
    expect(lone.fetches).toHaveLength(0);
  });

  test('a schema entry not above what the shard has changes nothing (P18)', () => {
    open();
    const last = lone.group.lastIndex;
    const again = run({ kind: 'schema', row: { tableId: 5, version: 1, state: 'dropped' } });
    lone.confirmReads();
    expect(again.reply?.kind).toBe('written');
    expect(lone.group.lastIndex).toBe(last);
    const drop = run({ kind: 'schema', row: { tableId: 5, version: 2, state: 'dropped' } });
    expect(run(put('x')).code).toBe('SchemaMismatch');
    lone.commit();
    expect(drop.reply?.kind).toBe('written');
  });

  test('nothing is admitted while the leadership is handed over', () => {
    open();
    lone.group.transferring = true;
    expect(run(put('x')).code).toBe('NotOpen');
    expect(admission.writes).toBe(0);
  });

  test('a row that cannot be read fails its command, not the shard', () => {
    open();
    const read = run(getStrong);
    lone.confirmReads();
    lone.fetched(Buffer.from([99, 1, 2]));
    expect(read.code).toBe('BadFrame');
    const write = run(put('x'));
    expect(write.code).toBe('BadFrame');
    expect(run({ ...target, kind: 'get', consistent: false }).code).toBe('BadFrame');
    expect(lone.group.stoppedBecause).toBeUndefined();
    expect(admission.writes).toBe(0);
  });

  test('a follower refuses and names the leader', () => {
    lone.receive(MessageType.heartbeat, 3, { term: 2 });
    expect(run(put('x')).code).toBe('NotLeader');
    expect(run(getStrong).code).toBe('NotLeader');
    const local = run({ ...target, kind: 'get', consistent: false });
    lone.fetched(encodeSchemaRow({ tableId: target.tableId, version: 1, state: 'live' }));
    lone.fetched(encodeRow({ incarnation: 1, index: 1, ordinal: 0 }, 2, Buffer.from('{}')));
    expect(local.reply).toMatchObject({ kind: 'got', found: { version: '1-1-0' } });
  });

  test.each([
    ['dropped', encodeSchemaRow({ tableId: target.tableId, version: 2, state: 'dropped' })],
    ['changed', encodeSchemaRow({ tableId: target.tableId, version: 2, state: 'live' })],
  ])('an eventual read of a table that was %s says so', (_what, schema) => {
    const local = run({ ...target, kind: 'get', consistent: false });
    lone.fetched(schema);
    expect(local.code).toBe('SchemaMismatch');
  });

  test('an eventual read through a replica that has not heard of the table finds nothing', () => {
    const local = run({ ...target, kind: 'get', consistent: false });
    lone.fetched(undefined);
    lone.fetched(undefined);
    expect(local.reply).toEqual({ kind: 'got', found: undefined });
  });

  test('an entry that cannot be applied stops the group, and what waits hears of it', () => {
    open();
    const read = run(getStrong);
    lone.depose(
      lone.group.lastIndex,
      lone.group.term,
      [Buffer.from([77])],
      lone.group.lastIndex + 1,
    );
    expect(lone.group.stoppedBecause).toContain('format 77');
    expect(read.code).toBe('NotLeader');
    expect(run(put('x')).code).toBe('Unavailable');
  });

  test('a message that breaks a rule of the core stops the group, not the node', () => {
    open();
    const gap = { index: 99, term: 9, type: 0, data: Buffer.alloc(0) } as const;
    expect(() => {
      lone.receive(MessageType.app, 3, { term: 9, index: 1, logTerm: 1, entries: [gap] });
    }).not.toThrow();
    expect(lone.group.stoppedBecause).toContain('contiguous');
  });
});
