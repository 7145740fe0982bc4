/**
 * Decides whether a history of single-key operations is linearizable: whether every operation can
 * be given one moment between its invocation and its answer so that the answers are those of the
 * sequential register (`register-model.ts`). Keys are independent and are judged one by one.
 *
 * Wing and Gong's search with Lowe's memory of (set of placed operations, state), over a doubly
 * linked list of events as in porcupine. An open operation has no return event: it may be placed
 * anywhere after its invocation, or never. Four cuts keep many open writes cheap: a row that an
 * unplaced operation still has to see is never overwritten (each value is written once); open
 * writes that do the same form a class and are placed in order of invocation; one that changes
 * nothing is left out; and a place reached with no fewer of each class used up is not new.
 * Exponential at worst all the same, so bounded by `stepsMax`; a key that hits the bound is
 * `undecided`, which no caller may take for a pass.
 */
import type { Operation } from '../history.ts';
import { describeOperation, partitionByKey } from '../history.ts';
import { PlacedSets } from './placed-sets.ts';
import type { RegisterState } from './register-model.ts';
import { RegisterModel, findVersionClash } from './register-model.ts';

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
    ofKey.sort((a, b) => a.invokedAt - b.invokedAt);
    const search = new Search(ofKey, options.stepsMax ?? stepsMaxDefault);
    const found = search.run();
    if (found !== 'linearizable') {
      return { kind: found, key, explanation: search.explain() };
    }
  }
  return { kind: 'linearizable', keys: byKey.size, operations: operations.length };
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
  /** Value → how many unplaced operations must still see it. */
  readonly #needs = new Map<string, number>();
  #state: RegisterState = null;
  #steps = 0;
  /** The longest placement that was given up, for the explanation. */
  #best: { readonly placed: readonly number[]; readonly state: RegisterState } = {
    placed: [],
    state: null,
  };

  constructor(operations: readonly Operation[], stepsMax: number) {
    const count = operations.length;
    this.#operations = operations;
    this.#model = new RegisterModel(operations);
    this.#stepsMax = stepsMax;
    this.#head = 2 * count;
    this.#next = new Int32Array(2 * count + 1).fill(-1);
    this.#previous = new Int32Array(2 * count + 1).fill(-1);
    this.#memory = new PlacedSets(operations.map((one) => this.#model.openClass(one)));
    this.#linkEvents();
    for (const operation of operations) {
      this.#need(operation, 1);
    }
  }

  run(): 'linearizable' | 'violation' | 'undecided' {
    const stack: Placed[] = [];
    let unplaced = this.#operations.filter((one) => !isOpen(one)).length;
    // At each depth the answered operations are tried first, then the open ones.
    let triesOpen = false;
    let node = this.#nextOf(this.#head);
    while (unplaced > 0) {
      if (node >= this.#operations.length && !triesOpen) {
        triesOpen = true;
        node = this.#nextOf(this.#head);
      } else if (node >= this.#operations.length) {
        // The return of an operation that is not placed yet: the last placement was wrong.
        this.#keepBest(stack);
        const last = stack.pop();
        if (last === undefined) {
          return 'violation';
        }
        triesOpen = this.#takeBack(last);
        unplaced += triesOpen ? 0 : 1;
        node = this.#nextOf(last.node);
      } else if (isOpen(this.#operation(node)) === triesOpen && this.#place(node, stack)) {
        unplaced -= triesOpen ? 0 : 1;
        triesOpen = false;
        node = this.#nextOf(this.#head);
      } else {
        node = this.#nextOf(node);
      }
      if (this.#steps > this.#stepsMax) {
        return 'undecided';
      }
    }
    return 'linearizable';
  }

  /** The deepest placement found, and the operations around the place where it got stuck. */
  explain(): string {
    const { placed, state } = this.#best;
    const isPlaced = new Set(placed);
    const open = this.#operations.filter((_, index) => !isPlaced.has(index));
    const firstReturn = Math.min(...open.map((one) => one.returnedAt));
    const stuck = open.filter((one) => one.invokedAt < firstReturn);
    const before = placed.slice(-5).map((index) => this.#operation(index));
    const waiting =
      state === null ? [] : open.filter((one) => this.#model.neededValue(one) === state);
    return [
      `Placed ${placed.length} of ${this.#operations.length} operations in ${this.#steps} steps`,
      ...before.map((one) => `  after  ${describeOperation(one)}`),
      `  the row is ${state === null ? 'absent' : JSON.stringify(state)}; none of these fits:`,
      ...stuck.slice(0, 20).map((one) => `  next?  ${describeOperation(one)}`),
      ...waiting.slice(0, 5).map((one) => `  must still see this row: ${describeOperation(one)}`),
    ].join('\n');
  }

  #place(node: number, stack: Placed[]): boolean {
    this.#steps++;
    const operation = this.#operation(node);
    const after = this.#stateAfter(node, operation);
    if (after === undefined || !this.#memory.place(node, after)) {
      return false;
    }
    stack.push({ node, stateBefore: this.#state });
    this.#state = after;
    this.#lift(node);
    this.#need(operation, -1);
    return true;
  }

  /** Undoes a placement; returns whether it was an open operation's. */
  #takeBack({ node, stateBefore }: Placed): boolean {
    this.#state = stateBefore;
    this.#memory.remove(node);
    this.#unlift(node);
    this.#need(this.#operation(node), 1);
    return isOpen(this.#operation(node));
  }

  /** The state after placing `node` now; undefined: it cannot, or need not, be placed here. */
  #stateAfter(node: number, operation: Operation): RegisterState | undefined {
    const state = this.#state;
    const after = this.#model.step(state, operation);
    if (after === undefined) {
      return undefined;
    }
    if (isOpen(operation) && (after === state || !this.#memory.isNextOfClass(node))) {
      return undefined;
    }
    if (state !== null && after !== state) {
      const own = this.#model.neededValue(operation) === state ? 1 : 0;
      if ((this.#needs.get(state) ?? 0) > own) {
        return undefined;
      }
    }
    return after;
  }

  #need(operation: Operation, change: 1 | -1): void {
    const value = this.#model.neededValue(operation);
    if (value !== undefined) {
      this.#needs.set(value, (this.#needs.get(value) ?? 0) + change);
    }
  }

  #linkEvents(): void {
    const events: { at: number; node: number }[] = [];
    for (const [index, operation] of this.#operations.entries()) {
      events.push({ at: operation.invokedAt, node: index });
      if (!isOpen(operation)) {
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
    if (!isOpen(this.#operation(node))) {
      this.#unlink(node + this.#operations.length);
    }
  }

  /** Puts them back, in the reverse order: their neighbours are again what they were. */
  #unlift(node: number): void {
    if (!isOpen(this.#operation(node))) {
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
    if (stack.length > this.#best.placed.length) {
      this.#best = { placed: stack.map((one) => one.node), state: this.#state };
    }
  }
}

function isOpen(operation: Operation): boolean {
  return operation.returnedAt === Infinity;
}
