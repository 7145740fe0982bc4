/**
 * The sequential register that a key must behave like: put, delete, conditional put and delete on
 * version, value, presence or absence, and reads. Pure: a state and an operation give the next
 * state, or nothing if the operation's answer cannot have been given in that state.
 *
 * Every put of a key carries a value of its own (asserted), so a value names the write that made
 * it, and the state is the value alone. Versions are settled before the search: one write has one
 * version, one version stands for one write (protocols.md P5); whoever breaks that is reported by
 * `findVersionClash`. A condition on a version that no answer ever named cannot hold.
 */
import { assert } from '../../lib/assert.ts';
import type { Operation, RegisterCondition, RegisterInput } from '../history.ts';
import { describeOperation } from '../history.ts';

/** The row's value, or `someValue`; null: no row. */
export type RegisterState = string | null;

/** Stands for every value that no answer and no condition names: nobody can tell them apart. */
const someValue = '(a value that nobody names)';

export class RegisterModel {
  /** Version → the value that was written or seen under it. */
  readonly #valueOf = new Map<string, string>();
  /** Values by which an answer or a condition can tell rows apart. */
  readonly #named = new Set<string>();

  constructor(operations: readonly Operation[]) {
    const put = new Set<string>();
    for (const operation of operations) {
      const { input } = operation;
      if (input.kind === 'put') {
        assert(
          !put.has(input.value),
          `Each put has its own value: ${describeOperation(operation)}`,
        );
        put.add(input.value);
      }
      const told = toldVersion(operation);
      if (told !== undefined) {
        this.#valueOf.set(told.version, told.value);
      }
    }
    for (const { input, outcome } of operations) {
      const condition = input.kind === 'read' ? undefined : input.condition;
      const named = [
        outcome.kind === 'found' ? outcome.value : undefined,
        condition === undefined ? undefined : this.#conditionValue(condition),
      ];
      for (const value of named) {
        if (value !== undefined) {
          this.#named.add(value);
        }
      }
    }
  }

  /** The one value that the row must have for this answered operation; undefined: no such. */
  neededValue({ input, outcome }: Operation): string | undefined {
    if (outcome.kind === 'found') {
      return outcome.value;
    }
    if (outcome.kind !== 'done' || input.kind === 'read' || input.condition === undefined) {
      return undefined;
    }
    return this.#conditionValue(input.condition);
  }

  /**
   * Open writes of one class do the same to every state, so the earliest may always go first;
   * undefined: an operation of a class of its own.
   */
  openClass({ input, outcome }: Operation): string | undefined {
    if (outcome.kind !== 'unknown' || input.kind === 'read') {
      return undefined;
    }
    const after = this.#after(input);
    if (after !== null && after !== someValue) {
      return undefined;
    }
    return JSON.stringify([after, input.condition ?? null]);
  }

  /** The state after `operation`, or undefined if it cannot happen in `state` with its answer. */
  step(state: RegisterState, operation: Operation): RegisterState | undefined {
    const { input, outcome } = operation;
    switch (outcome.kind) {
      case 'missing':
        return state === null ? state : undefined;
      case 'found':
        return state === outcome.value ? state : undefined;
      case 'refused':
        assert(input.kind !== 'read' && input.condition !== undefined);
        return this.#holds(state, input.condition) ? undefined : state;
      case 'done':
        if (outcome.created !== undefined && outcome.created !== (state === null)) {
          return undefined;
        }
        break;
      case 'unknown':
        break;
    }
    assert(input.kind !== 'read', 'A read without an answer is not an operation');
    if (input.condition !== undefined && !this.#holds(state, input.condition)) {
      return undefined;
    }
    return this.#after(input);
  }

  #after(input: Exclude<RegisterInput, { kind: 'read' }>): RegisterState {
    if (input.kind === 'delete') {
      return null;
    }
    return this.#named.has(input.value) ? input.value : someValue;
  }

  #conditionValue(condition: RegisterCondition): string | undefined {
    switch (condition.kind) {
      case 'value':
        return condition.value;
      case 'version':
        return this.#valueOf.get(condition.version);
      case 'exists':
      case 'absent':
        return undefined;
    }
  }

  #holds(state: RegisterState, condition: RegisterCondition): boolean {
    switch (condition.kind) {
      case 'absent':
        return state === null;
      case 'exists':
        return state !== null;
      case 'value':
      case 'version':
        return state !== null && state === this.#conditionValue(condition);
    }
  }
}

/** Two rows told under one version, or one row told under two; the sentence says which. */
export function findVersionClash(operations: readonly Operation[]): string | undefined {
  const byVersion = new Map<string, { value: string; operation: Operation }>();
  const byValue = new Map<string, { version: string; operation: Operation }>();
  for (const operation of operations) {
    const told = toldVersion(operation);
    if (told === undefined) {
      continue;
    }
    const { version, value } = told;
    const sameVersion = byVersion.get(version);
    if (sameVersion !== undefined && sameVersion.value !== value) {
      return clash(`Version ${version} stands for two rows`, sameVersion.operation, operation);
    }
    const sameValue = byValue.get(value);
    if (sameValue !== undefined && sameValue.version !== version) {
      return clash('One write has two versions', sameValue.operation, operation);
    }
    byVersion.set(version, { value, operation });
    byValue.set(value, { version, operation });
  }
  return undefined;
}

function clash(sentence: string, a: Operation, b: Operation): string {
  return `${sentence}:\n  ${describeOperation(a)}\n  ${describeOperation(b)}`;
}

/** What an answer says about which row has which version. */
function toldVersion({
  input,
  outcome,
}: Operation): { version: string; value: string } | undefined {
  if (outcome.kind === 'found' && outcome.version !== undefined) {
    return { version: outcome.version, value: outcome.value };
  }
  if (outcome.kind === 'done' && outcome.version !== undefined && input.kind === 'put') {
    return { version: outcome.version, value: input.value };
  }
  return undefined;
}
