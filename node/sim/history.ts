/**
 * What clients asked of single keys and what they were told, in one order of events: the input of
 * the checkers. One recorder per test; every client calls `invoke` just before it sends and one of
 * `ok`, `refused`, `notDone`, `unknown` just after the answer, so event numbers are real time.
 *
 * Not here: judging. A history may be recorded by the simulator or by a test on real processes.
 *
 * Invariant: an operation that nobody settled, or settled as unknown, stays open for ever: it may
 * take effect at any later moment, or never (`returnedAt` is Infinity).
 */
import { assert, must } from '../lib/assert.ts';

/** What must hold of the row for a conditional write to happen. */
export type RegisterCondition =
  /** `If-Match: "…"`: the row is there in this very version. */
  | { readonly kind: 'version'; readonly version: string }
  /** A condition expression on the value. */
  | { readonly kind: 'value'; readonly value: string }
  /** `If-Match: *` */
  | { readonly kind: 'exists' }
  /** `If-None-Match: *` */
  | { readonly kind: 'absent' };

export type RegisterInput =
  | { readonly kind: 'read' }
  | { readonly kind: 'put'; readonly value: string; readonly condition?: RegisterCondition }
  | { readonly kind: 'delete'; readonly condition?: RegisterCondition };

/** An answer. Optional facts are checked only where the client was told them. */
export type RegisterAnswer =
  | { readonly kind: 'found'; readonly value: string; readonly version?: string }
  | { readonly kind: 'missing' }
  /** A write that happened. `created`: whether the client was told that the row was new. */
  | { readonly kind: 'done'; readonly version?: string; readonly created?: boolean };

export type Outcome =
  | RegisterAnswer
  /** The condition did not hold: itself a strong read of that fact. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'unknown' };

export interface Operation {
  readonly id: number;
  readonly client: number;
  readonly key: string;
  readonly input: RegisterInput;
  readonly outcome: Outcome;
  /** Event number; unique in its history. */
  readonly invokedAt: number;
  /** Event number above `invokedAt`; Infinity if the outcome is unknown. */
  readonly returnedAt: number;
}

/** An operation in the field names of porcupine's `Operation` (github.com/anishathalye/porcupine). */
export interface PorcupineOperation {
  readonly ClientId: number;
  readonly Input: RegisterInput & { readonly key: string };
  readonly Call: number;
  readonly Output: Outcome;
  readonly Return: number;
}

export class History {
  readonly #operations = new Map<number, Operation>();
  #nextEvent = 1;
  #nextId = 1;

  /** Notes that `client` is about to send; returns the operation's id. */
  invoke(client: number, key: string, input: RegisterInput): number {
    const id = this.#nextId++;
    this.#operations.set(id, {
      id,
      client,
      key,
      input,
      outcome: { kind: 'unknown' },
      invokedAt: this.#nextEvent++,
      returnedAt: Infinity,
    });
    return id;
  }

  ok(id: number, answer: RegisterAnswer): void {
    const { input } = this.#open(id);
    const isReadAnswer = answer.kind !== 'done';
    assert(isReadAnswer === (input.kind === 'read'), 'The answer fits the kind of operation');
    this.#settle(id, answer);
  }

  /** The condition was evaluated and did not hold. */
  refused(id: number): void {
    const { input } = this.#open(id);
    assert(input.kind !== 'read' && input.condition !== undefined, 'Only a condition refuses');
    this.#settle(id, { kind: 'refused' });
  }

  /** Surely not done and nothing learned (throttled, connection refused): it never was. */
  notDone(id: number): void {
    this.#open(id);
    this.#operations.delete(id);
  }

  /** The answer was lost, or said so itself: open for ever. A lost read says nothing. */
  unknown(id: number): void {
    if (this.#open(id).input.kind === 'read') {
      this.#operations.delete(id);
    }
  }

  /** All operations in order of invocation; reads still without an answer say nothing. */
  operations(): readonly Operation[] {
    return [...this.#operations.values()].filter(
      (one) => one.input.kind !== 'read' || one.returnedAt !== Infinity,
    );
  }

  /** The export for porcupine. */
  toPorcupine(): readonly PorcupineOperation[] {
    return porcupineOperations(this.operations());
  }

  #open(id: number): Operation {
    const operation = must(this.#operations.get(id), `Cannot settle operation ${id}: not known`);
    assert(operation.returnedAt === Infinity, `Cannot settle operation ${id} twice`);
    return operation;
  }

  #settle(id: number, outcome: Outcome): void {
    const operation = this.#open(id);
    this.#operations.set(id, { ...operation, outcome, returnedAt: this.#nextEvent++ });
  }
}

/** In porcupine's form: open operations return after everything else. */
export function porcupineOperations(operations: readonly Operation[]): PorcupineOperation[] {
  const end = operations.reduce((latest, { invokedAt, returnedAt }) => {
    return Math.max(latest, invokedAt, returnedAt === Infinity ? 0 : returnedAt);
  }, 0);
  return operations.map((operation) => ({
    ClientId: operation.client,
    Input: { ...operation.input, key: operation.key },
    Call: operation.invokedAt,
    Output: operation.outcome,
    Return: Math.min(operation.returnedAt, end + 1),
  }));
}

/** Operations by key, each list in the order given. */
export function partitionByKey(operations: readonly Operation[]): Map<string, Operation[]> {
  const byKey = new Map<string, Operation[]>();
  for (const operation of operations) {
    const list = byKey.get(operation.key);
    if (list === undefined) {
      byKey.set(operation.key, [operation]);
    } else {
      list.push(operation);
    }
  }
  return byKey;
}

/** One line for people: `#7 client 2 [13, 18] put "b" if version 4 -> done version 5`. */
export function describeOperation(operation: Operation): string {
  const { id, client, input, outcome, invokedAt, returnedAt } = operation;
  const span = `[${invokedAt}, ${returnedAt === Infinity ? 'open' : returnedAt}]`;
  return `#${id} client ${client} ${span} ${describeInput(input)} -> ${describeOutcome(outcome)}`;
}

function describeInput(input: RegisterInput): string {
  if (input.kind === 'read') {
    return 'read';
  }
  const what = input.kind === 'put' ? `put ${JSON.stringify(input.value)}` : 'delete';
  return input.condition === undefined ? what : `${what} if ${describeCondition(input.condition)}`;
}

function describeCondition(condition: RegisterCondition): string {
  switch (condition.kind) {
    case 'version':
      return `version ${condition.version}`;
    case 'value':
      return `value ${JSON.stringify(condition.value)}`;
    case 'exists':
    case 'absent':
      return condition.kind;
  }
}

function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'found': {
      const version = outcome.version === undefined ? '' : ` version ${outcome.version}`;
      return `found ${JSON.stringify(outcome.value)}${version}`;
    }
    case 'done': {
      const verb = outcome.created === true ? 'created' : 'done';
      return outcome.version === undefined ? verb : `${verb} version ${outcome.version}`;
    }
    case 'missing':
    case 'refused':
    case 'unknown':
      return outcome.kind;
  }
}
