/**
 * Program: a worker of the seed pool (`seed-pool.ts`). Runs the seeds that it is told, one at a
 * time, and answers with their reports. It ends when its parent does.
 */
import { runSeed } from './run-seed.ts';
import type { SwarmOverrides } from './swarm-options.ts';

export interface SeedTask {
  readonly seed: number;
  readonly overrides: SwarmOverrides;
}

if (import.meta.main) {
  process.on('message', (task: SeedTask) => {
    void runSeed(task.seed, task.overrides).then(({ history: _, ...result }) => {
      process.send?.(result); // The history would be sent for nothing.
    });
  });
  process.on('disconnect', () => {
    process.exit(0);
  });
  // Ctrl-C reaches a whole group of processes: the parent decides when this one ends.
  process.on('SIGINT', () => undefined);
}
