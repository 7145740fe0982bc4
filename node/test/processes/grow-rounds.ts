/**
 * A cluster of three grows to five and shrinks to three again, under a checked workload of writers
 * and strong readers, with `kill -9` of the system group's leader in the middle of each change. In
 * between a drain is called off, two of five nodes die and return, a drain that would leave too few
 * nodes is refused, and a node returns with an old copy of its disk. Every acknowledged write must
 * be there at the end, the history of each key linearizable, the copies balanced after each step.
 *
 * By itself: `node node/test/processes/grow-rounds.ts` (`SEED=`, `ROUNDS=` for more rounds).
 */
import { Prng } from '../../lib/prng.ts';
import {
  cancelledDrain,
  growUnderFire,
  oldDiskReturns,
  refusedDrain,
  shrinkUnderFire,
  twoOfFiveDie,
} from './grow-steps.ts';
import type { GrowContext } from './grow-steps.ts';
import { GrowingCluster } from './growing-cluster.ts';
import { exitOnInterrupt } from './managed-process.ts';
import { RegisterWorkload } from './register-workload.ts';
import { assertGoodHistory, chooseSeed, say } from './verdict.ts';

export interface GrowRoundsOptions {
  readonly seed: number;
  readonly rounds: number;
  /** One node comes and goes, and no other is hurt but the one that manages. */
  readonly isShort: boolean;
}

export async function runGrowRounds({ seed, rounds, isShort }: GrowRoundsOptions): Promise<void> {
  const command = 'node node/test/processes/grow-rounds.ts';
  say(`grow-rounds: replay with SEED=${seed} ROUNDS=${rounds} ${command}`);
  const prng = new Prng(seed);
  const shards = isShort ? 4 : 16;
  await using cluster = await GrowingCluster.start({ name: 'grow-rounds', shards, nodes: 3 });
  // The first three nodes stay, so that clients have somewhere to ask throughout.
  const workload = new RegisterWorkload({ prng, urls: cluster.clientUrls, clients: 6 });
  workload.start();
  const context = { cluster, workload, prng };
  try {
    for (let round = 1; round <= rounds; round++) {
      await (isShort ? runShortRound(context) : runRound(context, round));
    }
    await workload.stop();
    say(`grow-rounds: ${workload.describe()}`);
    say(`grow-rounds: ${await assertGoodHistory('grow-rounds', workload)}`);
  } finally {
    await workload.stop().catch(() => undefined);
    workload.close();
  }
}

/** Fresh keys for each step keep the histories short, and what clients met comes out early. */
async function step<T>({ workload }: GrowContext, what: string, work: Promise<T>): Promise<T> {
  workload.nextKeys();
  const startedAt = performance.now();
  const result = await work;
  workload.assertHealthy();
  say(`  ${what}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  return result;
}

async function runRound(context: GrowContext, round: number): Promise<void> {
  const { cluster, prng } = context;
  const startedAt = performance.now();
  const stayed = [...cluster.nodeIds];
  say(`grow-rounds: round ${round}`);
  await step(context, 'a drain is refused', refusedDrain(context));
  const joined = await step(context, '3 -> 5 nodes', growUnderFire(context, 2));
  await step(context, 'a drain is called off', cancelledDrain(context, prng.pick(joined)));
  await step(context, 'two of five die and return', twoOfFiveDie(context));
  await step(context, '5 -> 3 nodes', shrinkUnderFire(context, joined));
  await step(context, 'an old disk returns', oldDiskReturns(context, prng.pick(stayed)));
  say(`grow-rounds: round ${round} in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
}

async function runShortRound(context: GrowContext): Promise<void> {
  await step(context, 'a drain is refused', refusedDrain(context));
  const joined = await step(context, '3 -> 4 nodes', growUnderFire(context, 1));
  await step(context, '4 -> 3 nodes', shrinkUnderFire(context, joined));
}

if (import.meta.main) {
  exitOnInterrupt();
  await runGrowRounds({
    seed: chooseSeed(),
    rounds: Number(process.env['ROUNDS'] ?? 1),
    isShort: (process.env['SHORT'] ?? '') !== '',
  });
}
