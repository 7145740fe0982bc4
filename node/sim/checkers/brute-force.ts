/**
 * A second, dumb linearizability checker for one key, to test the real one against: it guesses
 * the versions of all writes that were not told theirs, then tries every order of every subset of
 * the open writes. Factorial: for histories of at most eight operations.
 */
import { assert } from '../../lib/assert.ts';
import type { Operation, RegisterCondition } from '../history.ts';

interface Row {
  readonly value: string;
  readonly version: string;
}

const operationsMax = 8;

export function isLinearizableByBruteForce(operations: readonly Operation[]): boolean {
  assert(operations.length <= operationsMax);
  const named = new Set<string>();
  for (const { outcome } of operations) {
    const version = 'version' in outcome ? outcome.version : undefined;
    if (version !== undefined) {
      named.add(version);
    }
  }
  const puts = operations.filter(
    (one) => one.input.kind === 'put' && one.outcome.kind !== 'refused',
  );
  return guess(operations, puts, [...named], new Map());
}

/** Every way to give the puts different versions, then every order. */
function guess(
  operations: readonly Operation[],
  puts: readonly Operation[],
  versions: readonly string[],
  given: ReadonlyMap<number, string>,
): boolean {
  const [first, ...rest] = puts;
  if (first === undefined) {
    return extend(operations, null, given);
  }
  const { outcome } = first;
  const told = outcome.kind === 'done' ? outcome.version : undefined;
  const choices = told === undefined ? [...versions, `own version of ${first.id}`] : [told];
  return choices.some(
    (version) =>
      ![...given.values()].includes(version) &&
      guess(operations, rest, versions, new Map(given).set(first.id, version)),
  );
}

/** Can the remaining operations be put in some order from `row` on? */
function extend(
  remaining: readonly Operation[],
  row: Row | null,
  versions: ReadonlyMap<number, string>,
): boolean {
  if (remaining.every((one) => one.outcome.kind === 'unknown')) {
    return true;
  }
  return remaining.some((candidate) => {
    const others = remaining.filter((one) => one !== candidate);
    if (others.some((one) => one.returnedAt < candidate.invokedAt)) {
      return false;
    }
    const next = apply(row, candidate, versions);
    return next !== 'impossible' && extend(others, next, versions);
  });
}

function apply(
  row: Row | null,
  { id, input, outcome }: Operation,
  versions: ReadonlyMap<number, string>,
): Row | null | 'impossible' {
  if (input.kind === 'read') {
    if (outcome.kind === 'missing') {
      return row === null ? row : 'impossible';
    }
    assert(outcome.kind === 'found');
    const fits = outcome.version === undefined || outcome.version === row?.version;
    return row?.value === outcome.value && fits ? row : 'impossible';
  }
  const holds = input.condition === undefined || conditionHolds(row, input.condition);
  if (outcome.kind === 'refused') {
    return holds ? 'impossible' : row;
  }
  const wrongNews =
    outcome.kind === 'done' && outcome.created !== undefined && outcome.created === (row !== null);
  if (!holds || wrongNews) {
    return 'impossible';
  }
  return input.kind === 'delete'
    ? null
    : { value: input.value, version: versions.get(id) as string };
}

function conditionHolds(row: Row | null, condition: RegisterCondition): boolean {
  switch (condition.kind) {
    case 'version':
      return row?.version === condition.version;
    case 'value':
      return row?.value === condition.value;
    case 'exists':
      return row !== null;
    case 'absent':
      return row === null;
  }
}
