/**
 * Starts `trial.ts` and hands on its lines; ends it when a seed takes too long.
 *
 * Invariant: it resolves only when the child has ended.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Trial, TrialLine } from './trial.ts';

/** For one seed with loading, on a machine much slower and busier than any we know. */
const seedMsMax = 180_000;
/** Of the child's own words, kept for the message when it dies. */
const errorBytesMax = 4_000;

const program = fileURLToPath(new URL('./trial.ts', import.meta.url));

/** Runs trials in one child; throws if it dies or hangs, and says in which trial. */
export async function runTrials(
  trials: readonly Trial[],
  onLine: (line: TrialLine) => void,
): Promise<void> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, JSON.stringify(trials)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let last: TrialLine | undefined;
  let words = '';
  let hung = false;
  let watchdog: NodeJS.Timeout | undefined;
  const rewind = (): void => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, seedMsMax);
  };
  rewind();
  child.stderr.on('data', (bytes: Buffer) => {
    words = (words + bytes.toString()).slice(-errorBytesMax);
  });
  createInterface(child.stdout).on('line', (text) => {
    rewind();
    last = JSON.parse(text) as TrialLine;
    onLine(last);
  });
  const code = await new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  clearTimeout(watchdog);
  if (code !== 0) {
    const what = hung ? `a seed took more than ${seedMsMax} ms` : `it ended with ${code}: ${words}`;
    const after = last === undefined ? 'at once' : `after trial ${last.trial}, seed ${last.seed}`;
    throw new Error(`Cannot finish trials ${JSON.stringify(trials)}: ${after}, ${what}`);
  }
}
