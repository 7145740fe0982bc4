/** Decisions on one row: preconditions (RFC 9110 §13.1), conditions, what a reply carries. */
import { describe, expect, test } from '@jest/globals';
import type { Condition } from '../expressions/ast.ts';
import { ExpressionContext } from '../expressions/names-values.ts';
import { parseCondition } from '../expressions/parser.ts';
import type { Precondition } from '../items/command.ts';
import { decodeRow, encodeRow } from '../items/row.ts';
import { decide, needsRow, writtenReply } from './evaluate.ts';
import type { WriteCommand } from './evaluate.ts';

const item = Buffer.from('{"id":{"S":"k"},"n":{"N":"1"}}');
const row = encodeRow({ incarnation: 1, index: 7, ordinal: 0 }, 10, item);
const stored = decodeRow(row);

type Fields = Partial<Pick<WriteCommand, 'condition' | 'precondition' | 'returns'>> & {
  readonly returnOldOnFailure?: boolean;
};

const target = { tableId: 1, schemaVersion: 1, hash: 0, rowKey: Buffer.from('k') };

function put(fields: Fields = {}): WriteCommand {
  const defaults = { returns: 'nothing', returnOldOnFailure: false } as const;
  return { ...target, kind: 'put', item, itemSize: 10, ...defaults, ...fields };
}

function remove(fields: Fields = {}): WriteCommand {
  return { ...target, kind: 'delete', returns: 'nothing', returnOldOnFailure: false, ...fields };
}

function condition(text: string): Condition {
  return parseCondition(text, new ExpressionContext({ values: { ':one': { N: '1' } } }));
}

describe('needsRow()', () => {
  test.each<[string, WriteCommand, boolean]>([
    ['a plain put', put(), false],
    ['a plain delete', remove(), false],
    ['a put that tells existence', put({ returns: 'existence' }), true],
    ['a put that returns the old row', put({ returns: 'old' }), true],
    ['a precondition', put({ precondition: { match: 'any' } }), true],
  ])('%s: %s', (_name, command, needs) => {
    expect(needsRow(command)).toBe(needs);
  });
});

describe('decide(): preconditions', () => {
  test.each<[string, Precondition, boolean, boolean]>([
    // precondition, holds on the row 1-7-0, holds on an absent row
    ['match *', { match: 'any' }, true, false],
    ['match the version', { match: ['1-7-0'] }, true, false],
    ['match one of several', { match: ['1-5-0', '1-7-0'] }, true, false],
    ['match another version', { match: ['1-6-0'] }, false, false],
    ['match none', { match: [] }, false, false],
    ['none-match *', { noneMatch: 'any' }, false, true],
    ['none-match the version', { noneMatch: ['1-7-0'] }, false, true],
    ['none-match another version', { noneMatch: ['1-6-0'] }, true, true],
    ['both, contradicting', { match: ['1-7-0'], noneMatch: 'any' }, false, false],
    ['neither', {}, true, true],
  ])('%s', (_name, precondition, onRow, onAbsent) => {
    const command = put({ precondition });
    expect(decide(command, row).kind).toBe(onRow ? 'write' : 'unchanged');
    expect(decide(command, null).kind).toBe(onAbsent ? 'write' : 'unchanged');
  });

  test('a failed precondition tells the version that is there', () => {
    const command = put({ precondition: { match: ['1-6-0'] } });
    expect(decide(command, row)).toEqual({
      kind: 'unchanged',
      reply: { kind: 'preconditionFailed', version: '1-7-0' },
    });
    expect(decide(command, null)).toEqual({
      kind: 'unchanged',
      reply: { kind: 'preconditionFailed', version: undefined },
    });
  });
});

describe('decide(): writes and no-ops', () => {
  test('a put keeps the row before it', () => {
    expect(decide(put({ returns: 'old' }), row)).toEqual({ kind: 'write', old: stored });
    expect(decide(put({ returns: 'old' }), null)).toEqual({ kind: 'write', old: undefined });
  });

  test('a plain write does not look at the row', () => {
    expect(decide(put(), null)).toEqual({ kind: 'write', old: undefined });
    expect(decide(remove(), Buffer.from('garbage'))).toEqual({ kind: 'write', old: undefined });
  });

  test('a delete of an absent row changes nothing, if that is known', () => {
    expect(decide(remove({ returns: 'existence' }), null)).toEqual({
      kind: 'unchanged',
      reply: { kind: 'written', version: undefined, existed: false, old: undefined },
    });
    expect(decide(remove({ returns: 'existence' }), row).kind).toBe('write');
  });

  test('a row that cannot be read is an error', () => {
    expect(() => decide(put({ returns: 'old' }), Buffer.from([99]))).toThrow('format 99');
  });
});

describe('decide(): conditions', () => {
  test('a condition that holds lets the write through', () => {
    expect(decide(put({ condition: condition('n = :one') }), row).kind).toBe('write');
    expect(decide(put({ condition: condition('attribute_not_exists(id)') }), null).kind).toBe(
      'write',
    );
  });

  test.each([true, false])('a failed one carries the row if asked (%s)', (returnOldOnFailure) => {
    const command = put({ condition: condition('n > :one'), returnOldOnFailure });
    expect(decide(command, row)).toEqual({
      kind: 'unchanged',
      reply: { kind: 'conditionFailed', old: returnOldOnFailure ? stored : undefined },
    });
    expect(decide(command, null)).toEqual({
      kind: 'unchanged',
      reply: { kind: 'conditionFailed', old: undefined },
    });
  });

  test('the condition of a delete is looked at before the absence of its row', () => {
    const command = remove({ condition: condition('attribute_exists(id)') });
    expect(decide(command, null)).toMatchObject({ reply: { kind: 'conditionFailed' } });
    expect(decide(command, row).kind).toBe('write');
  });
});

describe('writtenReply()', () => {
  test('carries what was asked for, no more', () => {
    expect(writtenReply(put(), undefined, '1-8-0')).toEqual({
      kind: 'written',
      version: '1-8-0',
      existed: undefined,
      old: undefined,
    });
    expect(writtenReply(put({ returns: 'existence' }), stored, '1-8-0')).toMatchObject({
      existed: true,
      old: undefined,
    });
    expect(writtenReply(remove({ returns: 'old' }), stored, undefined)).toMatchObject({
      existed: true,
      old: stored,
      version: undefined,
    });
  });
});
