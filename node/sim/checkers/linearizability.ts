/**
 * Decides whether a history of single-key operations is linearizable: whether every operation can
 * be given one moment between its invocation and its answer so that the answers are those of the
 * sequential register (`register-model.ts`). Keys are independent and are judged one by one.
 *
 * Wing and Gong's search with Lowe's memory of (set of placed operations, state), over a doubly
 * linked list of events as in porcupine. An open operation has no return event: it may be placed
 * anywhere after its invocation, or never. Exponential at worst, so bounded by `stepsMax`; a key
 * that hits the bound is `undecided`, which no caller may take for a pass.
 */
import { Prng } from '../../lib/prng.ts';
import type { Operation } from '../history.ts';
import { describeOperation, partitionByKey } from '../history.ts';
import type { RegisterState } from './register-model.ts';
import { RegisterModel, absentRow, stateKey } from './register-model.ts';

export interface CheckOptions {
  /** Placements to try for one key before giving up. Default 20,000,000. */
  readonly stepsMax?: number;
}

export type Verdict =
  | { readonly kind: 'linearizable'; readonly keys: number; readonly operations: number }
  | { readonly kind: 'violation'; readonly key: string; readonly explanation: string }
  | { readonly kind: 'undecided'; readonly key: string; readonly explanation: string };

const stepsMaxDefault = 20_000_000;

/** Judges a whole history; stops at the first key that is not linearizable. */
export function checkLinearizable(
  operations: readonly Operation[],
  options: CheckOptions = {},
): Verdict {
  const byKey = partitionByKey(operations);
  for (const [key, ofKey] of byKey) {
    const clash = findVersionClash(ofKey);
    if (clash !== undefined) {
      return { kind: 'violation', key, explanation: clash };
    }
    const search = new Search(ofKey, options.stepsMax ?? stepsMaxDefault);
    const found = search.run();
    if (found !== 'linearizable') {
      return { kind: found, key, explanation: search.explain() };
    }
  }
  return { kind: 'linearizable', keys: byKey.size, operations: operations.length };
}

/** Two writes that were told one version, or two values seen under one version (P5). */
function findVersionClash(operations: readonly Operation[]): string | undefined {
  const writers = new Map<string, Operation>();
  const values = new Map<string, { value: string; operation: Operation }>();
  const clash = (version: string, a: Operation, b: Operation): string =>
    `Version ${version} stands for two rows:\n  ${describeOperation(a)}\n  ${describeOperation(b)}`;
  for (const operation of operations) {
    const { input, outcome } = operation;
    if ((outcome.kind !== 'done' && outcome.kind !== 'found') || outcome.version === undefined) {
      continue;
    }
    const { version } = outcome;
    if (outcome.kind === 'done') {
      const other = writers.get(version);
      if (other !== undefined) {
        return clash(version, other, operation);
      }
      writers.set(version, operation);
    }
    const value = outcome.kind === 'found' ? outcome.value : input.kind === 'put' && input.value;
    if (typeof value !== 'string') {
      continue;
    }
    const other = values.get(version);
    if (other !== undefined && other.value !== value) {
      return clash(version, other.operation, operation);
    }
    values.set(version, { value, operation });
  }
  return undefined;
}

interface Placed {
  readonly node: number;
  readonly stateBefore: RegisterState;
}

/** One key's search. Nodes 0 … n−1 are invocations, n … 2n−1 returns; 2n is the list's head. */
class Search {
  readonly #operations: readonly Operation[];
  readonly #model: RegisterModel;
  readonly #stepsMax: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #head: number;
  readonly #memory: PlacedSets;
  #state: RegisterState = absentRow;
  #steps = 0;
  #best: { placed: ReadonlySet<number>; state: RegisterState } = {
    placed: new Set(),
    state: absentRow,
  };

  constructor(operations: readonly Operation[], stepsMax: number) {
    const count = operations.length;
    this.#operations = operations;
    this.#model = new RegisterModel(operations);
    this.#stepsMax = stepsMax;
    this.#head = 2 * count;
    this.#next = new Int32Array(2 * count + 1).fill(-1);
    this.#previous = new Int32Array(2 * count + 1).fill(-1);
    this.#memory = new PlacedSets(count);
    this.#linkEvents();
  }

  run(): 'linearizable' | 'violation' | 'undecided' {
    const count = this.#operations.length;
    const stack: Placed[] = [];
    let unplaced = this.#operations.filter((one) => one.returnedAt !== Infinity).length;
    let node = this.#nextOf(this.#head);
    while (unplaced > 0) {
      if (node < count) {
        const operation = this.#operation(node);
        const after = this.#model.step(this.#state, operation);
        this.#steps++;
        if (this.#steps > this.#stepsMax) {
          return 'undecided';
        }
        if (after !== undefined && this.#memory.place(node, stateKey(after))) {
          stack.push({ node, stateBefore: this.#state });
          this.#state = after;
          this.#lift(node);
          unplaced -= operation.returnedAt === Infinity ? 0 : 1;
          this.#keepBest(stack);
          node = this.#nextOf(this.#head);
        } else {
          node = this.#nextOf(node);
        }
        continue;
      }
      // The return of an operation that is not placed yet: the last placement was wrong.
      const last = stack.pop();
      if (last === undefined) {
        return 'violation';
      }
      this.#state = last.stateBefore;
      this.#memory.remove(last.node);
      this.#unlift(last.node);
      unplaced += this.#operation(last.node).returnedAt === Infinity ? 0 : 1;
      node = this.#nextOf(last.node);
    }
    return 'linearizable';
  }

  /** The deepest placement found, and the operations around the place where it got stuck. */
  explain(): string {
    const { placed, state } = this.#best;
    const open = this.#operations.filter((_, index) => !placed.has(index));
    const firstReturn = Math.min(...open.map((one) => one.returnedAt));
    const stuck = open.filter((one) => one.invokedAt < firstReturn);
    const row = state.value === null ? 'no row' : `${state.value} version ${state.version ?? '?'}`;
    const before = [...placed].slice(-5).map((index) => this.#operation(index));
    return [
      `Placed ${placed.size} of ${this.#operations.length} operations in ${this.#steps} steps`,
      ...before.map((one) => `  after  ${describeOperation(one)}`),
      `  the row is: ${row}; none of these fits:`,
      ...stuck.slice(0, 20).map((one) => `  next?  ${describeOperation(one)}`),
    ].join('\n');
  }

  #linkEvents(): void {
    const events: { at: number; node: number }[] = [];
    for (const [index, operation] of this.#operations.entries()) {
      events.push({ at: operation.invokedAt, node: index });
      if (operation.returnedAt !== Infinity) {
        events.push({ at: operation.returnedAt, node: index + this.#operations.length });
      }
    }
    events.sort((a, b) => a.at - b.at);
    let last = this.#head;
    for (const { node } of events) {
      this.#next[last] = node;
      this.#previous[node] = last;
      last = node;
    }
  }

  #operation(index: number): Operation {
    return this.#operations[index] as Operation;
  }

  #nextOf(node: number): number {
    return this.#next[node] as number;
  }

  /** Takes a placed operation's two events out of the list. */
  #lift(node: number): void {
    this.#unlink(node);
    if (this.#operation(node).returnedAt !== Infinity) {
      this.#unlink(node + this.#operations.length);
    }
  }

  /** Puts them back, in the reverse order: their neighbours are again what they were. */
  #unlift(node: number): void {
    if (this.#operation(node).returnedAt !== Infinity) {
      this.#relink(node + this.#operations.length);
    }
    this.#relink(node);
  }

  #unlink(node: number): void {
    const previous = this.#previous[node] as number;
    const next = this.#nextOf(node);
    this.#next[previous] = next;
    if (next !== -1) {
      this.#previous[next] = previous;
    }
  }

  #relink(node: number): void {
    const previous = this.#previous[node] as number;
    const next = this.#nextOf(node);
    this.#next[previous] = node;
    if (next !== -1) {
      this.#previous[next] = node;
    }
  }

  #keepBest(stack: readonly Placed[]): void {
    // Copying at every step would be quadratic; a new record by a margin, or a small key, is kept.
    const record = this.#best.placed.size;
    if (stack.length > record && (this.#operations.length < 64 || stack.length % 16 === 0)) {
      this.#best = { placed: new Set(stack.map((one) => one.node)), state: this.#state };
    }
  }
}

/** The memory: which (set of placed operations, state) pairs have been tried. */
class PlacedSets {
  readonly #bits: Uint32Array;
  readonly #salts: Uint32Array;
  readonly #states = new Map<string, number>();
  readonly #seen = new Map<number, { bits: Uint32Array; state: number }[]>();
  #hashHigh = 0;
  #hashLow = 0;

  constructor(count: number) {
    this.#bits = new Uint32Array((count + 31) >>> 5);
    this.#salts = new Uint32Array(2 * count);
    const prng = new Prng(count);
    for (let i = 0; i < this.#salts.length; i++) {
      this.#salts[i] = prng.uint32();
    }
  }

  /** Adds the operation if the resulting pair is new; false: tried before, nothing changed. */
  place(index: number, state: string): boolean {
    const stateNumber = this.#states.get(state) ?? this.#states.size;
    this.#states.set(state, stateNumber);
    this.#flip(index);
    const hash = (this.#hashHigh >>> 0) * 0x20_0000 + ((this.#hashLow ^ stateNumber) & 0x1f_ffff);
    const bucket = this.#seen.get(hash);
    if (bucket?.some((one) => one.state === stateNumber && equalWords(one.bits, this.#bits))) {
      this.#flip(index);
      return false;
    }
    const entry = { bits: this.#bits.slice(), state: stateNumber };
    if (bucket === undefined) {
      this.#seen.set(hash, [entry]);
    } else {
      bucket.push(entry);
    }
    return true;
  }

  remove(index: number): void {
    this.#flip(index);
  }

  #flip(index: number): void {
    const word = index >>> 5;
    this.#bits[word] = (this.#bits[word] as number) ^ (1 << (index & 31));
    this.#hashHigh ^= this.#salts[2 * index] as number;
    this.#hashLow ^= this.#salts[2 * index + 1] as number;
  }
}

function equalWords(a: Uint32Array, b: Uint32Array): boolean {
  return a.every((word, index) => word === b[index]);
}
