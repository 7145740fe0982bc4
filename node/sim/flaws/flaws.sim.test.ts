/**
 * Goal: the simulator's checks find what they are for. Method: each deliberate fault with the seed
 * that is recorded for it, which must find it; then the same seeds of the same storms on the
 * program as it is, which must find nothing. In a few child processes, as a fault may hang or end
 * its own. `make sim-faults` looks for the seeds.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { flaws } from './flaw-list.ts';
import type { Trial } from './trial.ts';
import { runTrials } from './trial-process.ts';

const children = 2;
const limitMs = 600_000;

function keyOf({ flaw, storm, firstSeed }: Trial): string {
  return `${flaw ?? 'as it is'}: ${storm} ${firstSeed}`;
}

/** What each trial found, by key; undefined: nothing. */
const found = new Map<string, string | undefined>();

async function runAll(trials: readonly Trial[]): Promise<void> {
  await runTrials(trials, (line) => {
    const trial = trials[line.trial];
    if (trial !== undefined) {
      found.set(keyOf(trial), line.found);
    }
  });
}

const flawed: readonly Trial[] = flaws.map(({ name, storm, seed }) => ({
  ...{ flaw: name, storm, firstSeed: seed, lastSeed: seed },
}));

const plain: readonly Trial[] = [
  ...new Map(
    flawed.map(({ storm, firstSeed, lastSeed }) => [
      `${storm} ${firstSeed}`,
      { storm, firstSeed, lastSeed },
    ]),
  ).values(),
];

beforeAll(async () => {
  const all = [...flawed, ...plain];
  await Promise.all(
    Array.from({ length: children }, (_, child) =>
      runAll(all.filter((_trial, position) => position % children === child)),
    ),
  );
}, limitMs);

describe('with the flaw', () => {
  test.each(flawed.map((trial) => [keyOf(trial)]))('%s finds it', (key) => {
    expect(found.has(key)).toBe(true);
    expect(found.get(key)).toEqual(expect.any(String));
  });
});

describe('without', () => {
  test.each(plain.map((trial) => [keyOf(trial)]))('%s finds nothing', (key) => {
    expect(found.has(key)).toBe(true);
    expect(found.get(key)).toBeUndefined();
  });
});
