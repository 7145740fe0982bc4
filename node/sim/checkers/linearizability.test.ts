/**
 * Goal: the checker accepts what a register can do and nothing else. Method: the classic broken
 * histories by hand, and random small histories against a second, dumb checker that tries every
 * order of every subset of the open writes with versions guessed up front.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Prng } from '../../lib/prng.ts';
import type { Operation, Outcome, RegisterCondition, RegisterInput } from '../history.ts';
import { History } from '../history.ts';
import { isLinearizableByBruteForce } from './brute-force.ts';
import { checkLinearizable } from './linearizability.ts';

const read: RegisterInput = { kind: 'read' };
const put = (value: string, condition?: RegisterCondition): RegisterInput =>
  condition === undefined ? { kind: 'put', value } : { kind: 'put', value, condition };
const remove: RegisterInput = { kind: 'delete' };
const found = (value: string, version?: string): Outcome =>
  version === undefined ? { kind: 'found', value } : { kind: 'found', value, version };
const done = (version?: string): Outcome =>
  version === undefined ? { kind: 'done' } : { kind: 'done', version };
const missing: Outcome = { kind: 'missing' };
const refused: Outcome = { kind: 'refused' };
const unknown: Outcome = { kind: 'unknown' };

/** One row: [invoked at, returned at, input, outcome]. */
type Row = readonly [number, number, RegisterInput, Outcome];

function history(...rows: Row[]): Operation[] {
  return rows.map(([invokedAt, returnedAt, input, outcome], index) => ({
    id: index + 1,
    client: index,
    key: 'k',
    input,
    outcome,
    invokedAt,
    returnedAt: outcome.kind === 'unknown' ? Infinity : returnedAt,
  }));
}

const verdictOf = (...rows: Row[]): string => checkLinearizable(history(...rows)).kind;

describe('checkLinearizable()', () => {
  test('accepts a sequential life of a key', () => {
    const verdict = checkLinearizable(
      history(
        [1, 2, read, missing],
        [3, 4, put('a'), { kind: 'done', version: '1', created: true }],
        [5, 6, read, found('a', '1')],
        [7, 8, put('b', { kind: 'version', version: '1' }), done('2')],
        [9, 10, put('c', { kind: 'version', version: '1' }), refused],
        [11, 12, remove, done()],
        [13, 14, put('d', { kind: 'absent' }), done('3')],
        [15, 16, { kind: 'delete', condition: { kind: 'value', value: 'd' } }, done()],
        [17, 18, put('e', { kind: 'exists' }), refused],
      ),
    );
    expect(verdict).toEqual({ kind: 'linearizable', keys: 1, operations: 9 });
  });

  test('accepts either order of concurrent writes', () => {
    expect(
      verdictOf([1, 4, put('a'), done()], [2, 3, put('b'), done()], [5, 6, read, found('a')]),
    ).toBe('linearizable');
    expect(
      verdictOf([1, 4, put('a'), done()], [2, 3, put('b'), done()], [5, 6, read, found('b')]),
    ).toBe('linearizable');
  });

  test('refuses a stale read', () => {
    const verdict = checkLinearizable(
      history([1, 2, put('a'), done()], [3, 4, put('b'), done()], [5, 6, read, found('a')]),
    );
    expect(verdict).toMatchObject({ kind: 'violation', key: 'k' });
    expect(JSON.stringify(verdict)).toContain('read -> found');
  });

  test('refuses two reads that see concurrent writes in opposite orders', () => {
    expect(
      verdictOf(
        [1, 10, put('a'), done()],
        [2, 11, put('b'), done()],
        [12, 13, read, found('a')],
        [14, 15, read, found('b')],
      ),
    ).toBe('violation');
  });

  test('refuses a lost acknowledged write', () => {
    expect(verdictOf([1, 2, put('a'), done()], [3, 4, read, missing])).toBe('violation');
  });

  test('refuses a lost update: both of two compare-and-sets on one version', () => {
    const onOne: RegisterCondition = { kind: 'version', version: '1' };
    expect(
      verdictOf(
        [1, 2, put('a'), done('1')],
        [3, 6, put('b', onOne), done('2')],
        [4, 5, put('c', onOne), done('3')],
      ),
    ).toBe('violation');
    expect(
      verdictOf(
        [1, 2, put('a'), done('1')],
        [3, 6, put('b', onOne), done('2')],
        [4, 5, put('c', onOne), refused],
      ),
    ).toBe('linearizable');
  });

  test('refuses a refusal by a state that was never there', () => {
    expect(verdictOf([1, 2, put('a'), done()], [3, 4, put('b', { kind: 'exists' }), refused])).toBe(
      'violation',
    );
  });

  test('refuses "created" over a row that is there', () => {
    expect(
      verdictOf([1, 2, put('a'), done()], [3, 4, put('b'), { kind: 'done', created: true }]),
    ).toBe('violation');
  });

  test('lets an unknown write happen late, or never, but not twice', () => {
    const lost: Row = [1, Infinity, put('a'), unknown];
    const over: Row = [2, 3, put('b'), done()];
    expect(verdictOf(lost, over, [4, 5, read, found('b')])).toBe('linearizable');
    expect(verdictOf(lost, over, [4, 5, read, found('b')], [6, 7, read, found('a')])).toBe(
      'linearizable',
    );
    expect(
      verdictOf(lost, [4, 5, read, found('a')], [6, 7, put('b'), done()], [8, 9, read, found('a')]),
    ).toBe('violation');
  });

  test('does not let an unknown write happen before it was sent', () => {
    expect(verdictOf([1, 2, read, found('a')], [3, Infinity, put('a'), unknown])).toBe('violation');
  });

  test('learns the version of an unknown write from a read', () => {
    const onSeven: RegisterCondition = { kind: 'version', version: '7' };
    expect(
      verdictOf(
        [1, Infinity, put('a'), unknown],
        [2, 3, read, found('a', '7')],
        [4, 5, put('b', onSeven), done('8')],
        [6, 7, put('c', onSeven), refused],
      ),
    ).toBe('linearizable');
    expect(
      verdictOf(
        [1, Infinity, put('a'), unknown],
        [2, 3, read, found('a', '7')],
        [4, 5, put('c', onSeven), refused],
      ),
    ).toBe('violation');
  });

  test('refuses one version for two rows, and two versions for one row', () => {
    expect(verdictOf([1, 2, put('a'), done('1')], [3, 4, put('b'), done('1')])).toBe('violation');
    expect(verdictOf([1, 2, put('a'), done('1')], [3, 4, read, found('a', '2')])).toBe('violation');
  });

  test('judges keys apart', () => {
    const operations = [
      ...history([1, 2, put('a'), done()]),
      ...history([3, 4, read, missing]).map((one) => ({ ...one, key: 'other', id: 9 })),
    ];
    expect(checkLinearizable(operations)).toMatchObject({ kind: 'linearizable', keys: 2 });
  });

  test('says undecided when the bound is hit', () => {
    const rows: Row[] = [[1, 2, put('a'), done()]];
    expect(checkLinearizable(history(...rows), { stepsMax: 0 }).kind).toBe('undecided');
  });

  test('agrees with the dumb checker on small histories', () => {
    const verdicts = { yes: 0, no: 0 };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (seed) => {
        const operations = randomHistory(new Prng(seed), 6);
        const expected = isLinearizableByBruteForce(operations);
        verdicts[expected ? 'yes' : 'no']++;
        expect(checkLinearizable(operations).kind).toBe(expected ? 'linearizable' : 'violation');
      }),
      { numRuns: 3_000 },
    );
    expect(verdicts.yes).toBeGreaterThan(100);
    expect(verdicts.no).toBeGreaterThan(100);
  });

  test('decides a long history with many open writes', () => {
    const operations = registerRun(new Prng(7), 3_000);
    expect(checkLinearizable(operations).kind).toBe('linearizable');
    const last = operations.findLast((one) => one.outcome.kind === 'found');
    const spoiled = operations.map((one) => (one === last ? { ...one, outcome: missing } : one));
    expect(checkLinearizable(spoiled).kind).toBe('violation');
  });
});

/** A small history with plausible answers, right or wrong. */
function randomHistory(prng: Prng, count: number): Operation[] {
  const versions = ['v1', 'v2', 'v3'];
  const values = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5'];
  const rows: Row[] = [];
  let clock = 0;
  for (let i = 0; i < count; i++) {
    const start = clock + prng.below(3) / 10 + 0.001 * i;
    const end = start + 0.5 + prng.below(30) / 10;
    clock += prng.below(12) / 10;
    rows.push([start, end + 0.0005, ...randomExchange(prng, `a${i}`, values, versions)]);
  }
  return history(...rows);
}

function randomExchange(
  prng: Prng,
  value: string,
  values: readonly string[],
  versions: readonly string[],
): [RegisterInput, Outcome] {
  const withVersion = prng.chance(0.5);
  if (prng.chance(0.4)) {
    const seen = prng.pick(values.slice(0, 4));
    const answer = found(seen, withVersion ? `v${seen.slice(1)}` : undefined);
    return [read, prng.chance(0.3) ? missing : answer];
  }
  const condition = prng.pick<RegisterCondition | undefined>([
    undefined,
    undefined,
    { kind: 'version', version: prng.pick(versions) },
    { kind: 'value', value: prng.pick(values.slice(0, 3)) },
    { kind: 'exists' },
    { kind: 'absent' },
  ]);
  const base = prng.chance(0.25) ? remove : put(value);
  const input = condition === undefined ? base : ({ ...base, condition } as RegisterInput);
  const outcomes: Outcome[] = [unknown, unknown, done(), done()];
  if (input.kind === 'put') {
    outcomes.push(done(`v${value.slice(1)}`), done(prng.pick(versions)));
    outcomes.push({ kind: 'done', created: prng.chance(0.5) });
  }
  if (condition !== undefined) {
    outcomes.push(refused, refused, refused);
  }
  return [input, prng.pick(outcomes)];
}

/** A correct register under eight overlapping clients, a tenth of the answers lost. */
function registerRun(prng: Prng, count: number): Operation[] {
  const recorder = new History();
  const pending: { id: number; input: RegisterInput }[] = [];
  let row: string | null = null;
  for (let i = 0; i < count; i++) {
    const input = prng.chance(0.5)
      ? read
      : put(`w${i}`, prng.chance(0.3) ? { kind: 'exists' } : undefined);
    pending.push({ id: recorder.invoke(i % 8, 'k', input), input });
    while (pending.length > prng.below(8)) {
      const { id, input: taken } = pending.splice(prng.below(pending.length), 1)[0] as {
        id: number;
        input: RegisterInput;
      };
      const isLost = prng.chance(0.1);
      const before: string | null = row;
      const holds = taken.kind !== 'put' || taken.condition === undefined || before !== null;
      if (taken.kind === 'put' && holds && !(isLost && prng.chance(0.5))) {
        row = taken.value;
      }
      if (isLost) {
        recorder.unknown(id);
      } else if (!holds) {
        recorder.refused(id);
      } else if (taken.kind === 'read') {
        recorder.ok(id, before === null ? { kind: 'missing' } : { kind: 'found', value: before });
      } else {
        recorder.ok(id, { kind: 'done' });
      }
    }
  }
  return [...recorder.operations()];
}
