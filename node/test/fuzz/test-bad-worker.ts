/** A thread for `fuzzer.test.ts` that begins an input and does with it what its name says. */
import { workerData } from 'node:worker_threads';
import type { FuzzTask } from './fuzz-worker.ts';
import { SharedInput } from './shared-input.ts';

const { target, shared } = workerData as FuzzTask;
new SharedInput(shared).put(Buffer.from(target), 1);

const kept: unknown[] = [];
switch (target) {
  case 'endless':
    for (;;) {
      kept.length = 0;
    }
  case 'memory':
    for (;;) {
      kept.push(Array.from({ length: 100_000 }, (_, index) => ({ index })));
    }
  default:
    process.exit(3);
}
