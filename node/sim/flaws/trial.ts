/**
 * The program of a child process: runs storms, with a flaw or without, one seed after the other
 * until one finds something, and writes a line of JSON about each seed to stdout.
 *
 *   node node/sim/flaws/trial.ts '[{"flaw":"…","storm":"cluster","firstSeed":1,"lastSeed":500}]'
 *
 * A process of its own, because a flaw may hang or end it: `trial-process.ts` watches.
 */
import { assert, must } from '../../lib/assert.ts';
import { messageOf } from '../../lib/errors.ts';
import { storms } from '../storms/storm-list.ts';
import type { Storm } from '../storms/storm.ts';
import { importFlawed } from './flawed-import.ts';
import { flaws } from './flaw-list.ts';

export interface Trial {
  /** Absent: the program as it is. */
  readonly flaw?: string;
  readonly storm: string;
  readonly firstSeed: number;
  readonly lastSeed: number;
}

export interface TrialLine {
  /** Position of the trial among those asked for. */
  readonly trial: number;
  readonly seed: number;
  /** What was found; absent: nothing. */
  readonly found?: string;
  readonly tookMs: number;
}

/** A storm's own module: less to load for every flaw than the list of all. */
async function stormOf({ flaw, storm }: Trial): Promise<Storm> {
  assert(
    storms.some(({ name }) => name === storm),
    `There is no storm "${storm}"`,
  );
  const url = new URL(`../storms/${storm}-storm.ts`, import.meta.url);
  const known = flaw === undefined ? undefined : flaws.find(({ name }) => name === flaw);
  const loaded: unknown =
    flaw === undefined
      ? await import(url.href)
      : await importFlawed(url, must(known, `There is no flaw "${flaw}"`));
  return must((loaded as Readonly<Record<string, Storm>>)[`${storm}Storm`]);
}

/** Errors that nobody awaits belong to the seed that runs. */
let escaped: (error: unknown) => void = () => undefined;

async function find(storm: Storm, seed: number): Promise<string | undefined> {
  const alone = new Promise<never>((_resolve, reject) => {
    escaped = reject;
  });
  try {
    await Promise.race([storm.run(seed), alone]);
    return undefined;
  } catch (error) {
    return messageOf(error).split('\n')[0] ?? '';
  }
}

async function run(trials: readonly Trial[]): Promise<void> {
  for (const [position, trial] of trials.entries()) {
    const storm = await stormOf(trial).catch((error: unknown) => {
      // One flaw without its place must not hide the others; its line says that nothing was found.
      process.stderr.write(`${messageOf(error)}\n`);
      process.stdout.write(`${JSON.stringify({ trial: position, seed: 0, tookMs: 0 })}\n`);
    });
    if (storm === undefined) {
      continue;
    }
    for (let seed = trial.firstSeed; seed <= trial.lastSeed; seed++) {
      const startedMs = performance.now();
      const found = await find(storm, seed);
      const tookMs = Math.round(performance.now() - startedMs);
      const line: TrialLine = { trial: position, seed, tookMs, ...(found && { found }) };
      process.stdout.write(`${JSON.stringify(line)}\n`);
      if (found !== undefined) {
        break;
      }
    }
  }
}

if (import.meta.main) {
  process.on('uncaughtException', (error) => {
    escaped(error);
  });
  process.on('unhandledRejection', (error) => {
    escaped(error);
  });
  process.on('beforeExit', () => {
    escaped(new Error('Nothing is left to happen, but the run has not ended'));
  });
  void run(JSON.parse(must(process.argv[2], 'Say which trials')) as Trial[]).then(
    () => process.exit(0), // Whatever a broken run left waiting ends here.
    (error: unknown) => {
      process.stderr.write(`${messageOf(error)}\n`);
      process.exit(1);
    },
  );
}
