/**
 * The keys of one stretch of a chaos run, with the history of what was asked of them: recording,
 * and the verdict once nobody uses them any more.
 *
 * Invariant: a key belongs to one epoch, so an epoch can be judged and forgotten by itself.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../lib/assert.ts';
import { checkLinearizable } from '../../sim/checkers/linearizability.ts';
import type { Operation, RegisterAnswer, RegisterInput } from '../../sim/history.ts';
import { History } from '../../sim/history.ts';
import { outFolder } from '../processes/cluster.ts';
import type { Conclusion } from '../processes/key-client.ts';

const quietPollMs = 50;

/** What a key held when its epoch was judged, and what an open write may still make of it. */
export class SettledKey {
  readonly key: string;
  readonly #value: string | undefined;
  readonly #open: ReadonlySet<string | undefined>;

  constructor(key: string, value: string | undefined, open: ReadonlySet<string | undefined>) {
    this.key = key;
    this.#value = value;
    this.#open = open;
  }

  assertStill(answer: RegisterAnswer): void {
    const value = answer.kind === 'found' ? answer.value : undefined;
    if (value !== this.#value && !this.#open.has(value)) {
      throw new Error(
        `Key "${this.key}" changed after its last use: it was ${JSON.stringify(this.#value)}, ` +
          `now it is ${JSON.stringify(value)}`,
      );
    }
  }
}

export class Epoch {
  readonly number: number;
  readonly #history = new History();
  readonly #versions = new Map<string, string>();
  readonly #keyOf = new Map<number, string>();
  readonly #keys = new Set<string>();
  #underWay = 0;

  constructor(number: number) {
    this.number = number;
  }

  keys(): readonly string[] {
    return [...this.#keys];
  }

  /** The version that was seen last, for conditions. */
  versionOf(key: string): string | undefined {
    return this.#versions.get(key);
  }

  begin(client: number, key: string, input: RegisterInput): number {
    this.#underWay++;
    this.#keys.add(key);
    const id = this.#history.invoke(client, key, input);
    this.#keyOf.set(id, key);
    return id;
  }

  end(id: number, conclusion: Conclusion): void {
    this.#underWay--;
    const key = this.#keyOf.get(id) ?? '';
    this.#keyOf.delete(id);
    if (conclusion.kind !== 'answer') {
      this.#history[conclusion.kind](id);
      return;
    }
    const { answer } = conclusion;
    this.#history.ok(id, answer);
    if (answer.kind !== 'missing' && answer.version !== undefined) {
      this.#versions.set(key, answer.version);
    }
  }

  /** Resolves when no operation is under way: each ends by its deadline. */
  async quiet(): Promise<void> {
    while (this.#underWay > 0) {
      await wait(quietPollMs);
    }
  }

  /** Throws unless all is as it must be; returns how many operations were judged. */
  judge(): number {
    const operations = this.#history.operations();
    const verdict = checkLinearizable(operations);
    if (verdict.kind !== 'linearizable') {
      const file = this.#keep();
      throw new Error(
        `Key "${verdict.key}": ${verdict.kind}\n${verdict.explanation}\nThe history is in ${file}`,
      );
    }
    for (const key of this.#keys) {
      const ofKey = operations.filter((operation) => operation.key === key);
      if (key.startsWith('counter')) {
        checkCounter(key, ofKey);
      } else if (key.startsWith('list')) {
        checkList(key, ofKey);
      }
    }
    return verdict.operations;
  }

  settle(): readonly SettledKey[] {
    const operations = this.#history.operations();
    return [...this.#keys].map((key) => {
      const ofKey = operations.filter((operation) => operation.key === key);
      const open = ofKey.filter((operation) => operation.returnedAt === Infinity);
      return new SettledKey(key, lastValue(ofKey), new Set(open.map(valueOf)));
    });
  }

  #keep(): string {
    const folder = join(outFolder, 'chaos');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `history-${this.number}.json`);
    writeFileSync(file, JSON.stringify(this.#history.toPorcupine(), undefined, 1));
    return file;
  }
}

function valueOf({ input }: Operation): string | undefined {
  return input.kind === 'put' ? input.value : undefined;
}

/** What the last read saw: the read back, after everything else. */
function lastValue(operations: readonly Operation[]): string | undefined {
  const reads = operations.filter(({ input }) => input.kind === 'read');
  const outcome = reads.at(-1)?.outcome;
  assert(outcome?.kind === 'found' || outcome?.kind === 'missing', 'A key is read back');
  return outcome.kind === 'found' ? outcome.value : undefined;
}

function putsOf(operations: readonly Operation[], kind: 'done' | 'unknown'): readonly string[] {
  return operations.flatMap(({ input, outcome }) =>
    input.kind === 'put' && outcome.kind === kind ? [input.value] : [],
  );
}

/** A counter holds each acknowledged increment once, and no more than those and the open ones. */
export function checkCounter(key: string, operations: readonly Operation[]): void {
  const count = Number((lastValue(operations) ?? '0').split('#')[0]);
  const least = putsOf(operations, 'done').length;
  const most = least + putsOf(operations, 'unknown').length;
  if (count < least || count > most) {
    throw new Error(`Counter "${key}" is ${count}: acknowledged ${least}, at most ${most}`);
  }
}

/** A list holds each acknowledged element once, and no element twice or from nowhere. */
export function checkList(key: string, operations: readonly Operation[]): void {
  const elements = (lastValue(operations) ?? '').split(' ').filter((element) => element !== '');
  const added = (values: readonly string[]): string[] =>
    values.map((value) => value.split(' ').at(-1) ?? '');
  const done = added(putsOf(operations, 'done'));
  const allowed = new Set([...done, ...added(putsOf(operations, 'unknown'))]);
  const held = new Set(elements);
  const lost = done.filter((element) => !held.has(element));
  const strange = elements.filter((element) => !allowed.has(element));
  if (lost.length + strange.length > 0 || held.size !== elements.length) {
    throw new Error(
      `List "${key}" lost [${lost.join(' ')}], holds [${strange.join(' ')}] from nowhere, ` +
        `and ${elements.length - held.size} elements twice`,
    );
  }
}
