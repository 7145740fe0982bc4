/**
 * Ends a checked run on real processes: reads everything back, judges the history, keeps it for
 * later (also in porcupine's form) when it is bad, and says how to run it again.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkLinearizable } from '../../sim/checkers/linearizability.ts';
import { outFolder } from './cluster.ts';
import type { RegisterWorkload } from './register-workload.ts';

/** Throws unless every acknowledged write is there and the history is linearizable. */
export async function assertGoodHistory(name: string, workload: RegisterWorkload): Promise<string> {
  const lost = await workload.findLost();
  await workload.readBack();
  const operations = workload.history.operations();
  const verdict = checkLinearizable(operations);
  if (lost.length === 0 && verdict.kind === 'linearizable') {
    return (
      `${workload.acknowledged.size} acknowledged writes are there, ` +
      `${verdict.operations} operations on ${verdict.keys} keys are linearizable`
    );
  }
  mkdirSync(outFolder, { recursive: true });
  const file = join(outFolder, `${name}-history.json`);
  writeFileSync(file, JSON.stringify(workload.history.toPorcupine(), undefined, 1));
  const problems = [
    ...(lost.length === 0
      ? []
      : [`${lost.length} acknowledged writes are lost:`, ...lost.slice(0, 10)]),
    ...(verdict.kind === 'linearizable'
      ? []
      : [`Key "${verdict.key}": ${verdict.kind}`, verdict.explanation]),
  ];
  throw new Error(`${problems.join('\n')}\nThe history is in ${file}`);
}

/** The seed of this run: `SEED` of the environment, or a new one. */
export function chooseSeed(): number {
  const given = process.env['SEED'] ?? '';
  return given === '' ? Date.now() % 0x1_0000_0000 : Number(given);
}

/** Prints one line of progress. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
