/**
 * The sequential register that a key must behave like: put, delete, conditional put and delete on
 * version, value, presence or absence, and reads. Pure: a state and an operation give the next
 * state, or nothing if the operation's answer cannot have been given in that state.
 *
 * A write whose answer was lost has a version that nobody was told. The state then carries what
 * has been learned of it: the versions that it is not; a read or a condition that held binds it.
 *
 * Invariant: `version` undefined and `notVersions` empty for an absent row.
 */
import type { Operation, RegisterCondition } from '../history.ts';

export interface RegisterState {
  /** Null: no row. */
  readonly value: string | null;
  /** The row's version; undefined: not known (yet). */
  readonly version: string | undefined;
  /** Versions that an unknown `version` surely is not, sorted. */
  readonly notVersions: readonly string[];
}

export const absentRow: RegisterState = { value: null, version: undefined, notVersions: [] };

/** A text that is equal for equal states only. */
export function stateKey(state: RegisterState): string {
  return state.value === null
    ? ''
    : JSON.stringify([state.value, state.version ?? null, state.notVersions]);
}

export class RegisterModel {
  /** Versions that acknowledged writes were given: no lost write can own one of them. */
  readonly #owned: ReadonlySet<string>;

  constructor(operations: readonly Operation[]) {
    const owned = new Set<string>();
    for (const { outcome } of operations) {
      if (outcome.kind === 'done' && outcome.version !== undefined) {
        owned.add(outcome.version);
      }
    }
    this.#owned = owned;
  }

  /** The state after `operation`, or undefined if it cannot happen in `state` with its answer. */
  step(state: RegisterState, operation: Operation): RegisterState | undefined {
    const { input, outcome } = operation;
    if (input.kind === 'read') {
      return this.#read(state, operation);
    }
    if (outcome.kind === 'refused') {
      return input.condition && this.#whenNot(state, input.condition);
    }
    const before = input.condition === undefined ? state : this.#when(state, input.condition);
    if (before === undefined) {
      return undefined;
    }
    if (outcome.kind === 'done' && outcome.created !== undefined) {
      if (outcome.created !== (before.value === null)) {
        return undefined;
      }
    }
    if (input.kind === 'delete') {
      return absentRow;
    }
    const version = outcome.kind === 'done' ? outcome.version : undefined;
    return { value: input.value, version, notVersions: [] };
  }

  #read(state: RegisterState, { outcome }: Operation): RegisterState | undefined {
    switch (outcome.kind) {
      case 'missing':
        return state.value === null ? state : undefined;
      case 'found':
        if (outcome.value !== state.value) {
          return undefined;
        }
        return outcome.version === undefined ? state : this.#bind(state, outcome.version);
      case 'done':
      case 'refused':
        return undefined;
      case 'unknown':
        return state;
    }
  }

  /** The state, with what is learned from `condition` having held; undefined if it cannot. */
  #when(state: RegisterState, condition: RegisterCondition): RegisterState | undefined {
    switch (condition.kind) {
      case 'absent':
        return state.value === null ? state : undefined;
      case 'exists':
        return state.value !== null ? state : undefined;
      case 'value':
        return state.value === condition.value ? state : undefined;
      case 'version':
        return state.value === null ? undefined : this.#bind(state, condition.version);
    }
  }

  /** The state, with what is learned from `condition` not having held; undefined if it must. */
  #whenNot(state: RegisterState, condition: RegisterCondition): RegisterState | undefined {
    switch (condition.kind) {
      case 'absent':
        return state.value !== null ? state : undefined;
      case 'exists':
        return state.value === null ? state : undefined;
      case 'value':
        return state.value !== condition.value ? state : undefined;
      case 'version':
        return this.#bar(state, condition.version);
    }
  }

  #bind(state: RegisterState, version: string): RegisterState | undefined {
    if (state.version !== undefined) {
      return state.version === version ? state : undefined;
    }
    if (this.#owned.has(version) || state.notVersions.includes(version)) {
      return undefined;
    }
    return { value: state.value, version, notVersions: [] };
  }

  #bar(state: RegisterState, version: string): RegisterState | undefined {
    if (state.value === null) {
      return state;
    }
    if (state.version !== undefined) {
      return state.version === version ? undefined : state;
    }
    if (this.#owned.has(version) || state.notVersions.includes(version)) {
      return state;
    }
    return { ...state, notVersions: [...state.notVersions, version].sort() };
  }
}
