/**
 * Runs many seeds in worker processes, one seed at a time each, and hands out every report as it
 * comes. A worker that dies fails the seed that it ran, and another takes its place.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SeedResult } from './run-seed.ts';
import type { SeedTask } from './seed-worker.ts';
import type { SwarmOverrides } from './swarm-options.ts';
import { drawOptions } from './swarm-options.ts';

export interface PoolOptions {
  readonly workers: number;
  readonly overrides: SwarmOverrides;
  /** The next seed to run; undefined: no more. */
  readonly next: () => number | undefined;
  readonly report: (result: SeedResult) => void;
}

const workerPath = fileURLToPath(new URL('seed-worker.ts', import.meta.url));

/** What is known of a seed whose process died. */
function deathOf(seed: number, overrides: SwarmOverrides, code: number | null): SeedResult {
  return {
    seed,
    options: drawOptions(seed, overrides),
    failure: { kind: 'crash', check: 'process', message: `The process ended with code ${code}` },
    digest: '',
    events: 0,
    lastEvents: [],
    simulatedMs: 0,
    steps: 0,
    operations: {},
  };
}

/** Resolves when every seed that `next` gave is reported. */
export async function runPool(options: PoolOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.workers }, () => runWorker(options)));
}

function runWorker(options: PoolOptions): Promise<void> {
  const { overrides, next, report } = options;
  return new Promise((resolve) => {
    let running: number | undefined;
    let child: ChildProcess;
    const give = (): void => {
      running = next();
      if (running === undefined) {
        child.disconnect();
        resolve();
      } else {
        const task: SeedTask = { seed: running, overrides };
        child.send(task);
      }
    };
    const begin = (): void => {
      child = fork(workerPath, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      child.on('message', (result: SeedResult) => {
        running = undefined;
        report(result);
        give();
      });
      child.on('exit', (code) => {
        if (running !== undefined) {
          report(deathOf(running, overrides, code));
          begin();
        }
      });
      give();
    };
    begin();
  });
}
