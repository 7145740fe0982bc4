/**
 * A cluster of three grows to five and shrinks to three again, under a checked workload, with `kill
 * -9` of the system group's leader in the middle of each change. Every acknowledged write must be
 * there at the end, and the history of each key linearizable.
 *
 * By itself: `node node/test/processes/grow-and-shrink.ts` (`SEED=`, `ROUNDS=` for more rounds).
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Prng } from '../../lib/prng.ts';
import { until } from './cluster.ts';
import { GrowingCluster } from './growing-cluster.ts';
import { exitOnInterrupt } from './managed-process.ts';
import { RegisterWorkload } from './register-workload.ts';
import { assertGoodHistory, chooseSeed, say } from './verdict.ts';

export interface GrowAndShrinkOptions {
  readonly seed: number;
  readonly rounds: number;
}

/** From a kill to answers again. */
const recoveryMsMax = 30_000;

export async function runGrowAndShrink({ seed, rounds }: GrowAndShrinkOptions): Promise<void> {
  const command = 'node node/test/processes/grow-and-shrink.ts';
  say(`grow-and-shrink: replay with SEED=${seed} ROUNDS=${rounds} ${command}`);
  const prng = new Prng(seed);
  await using cluster = await GrowingCluster.start({
    name: 'grow-and-shrink',
    shards: 8,
    nodes: 3,
  });
  // The first three nodes stay, so that clients have somewhere to ask throughout.
  const urls = cluster.clientUrls;
  const workload = new RegisterWorkload({ prng, urls, clients: 6 });
  workload.start();
  try {
    for (let round = 1; round <= rounds; round++) {
      await runRound(cluster, workload, prng, round);
    }
    await workload.stop();
    say(`grow-and-shrink: ${workload.describe()}`);
    say(`grow-and-shrink: ${await assertGoodHistory('grow-and-shrink', workload)}`);
  } finally {
    await workload.stop().catch(() => undefined);
    workload.close();
  }
}

/** Kills whoever manages, a moment after `change` began; work must go on. */
async function withoutManager(
  cluster: GrowingCluster,
  workload: RegisterWorkload,
  delayMs: number,
  change: Promise<void>,
): Promise<void> {
  await wait(delayMs);
  const { systemLeaderNodeId } = await cluster.status();
  if (cluster.nodeIds.includes(systemLeaderNodeId)) {
    say(`grow-and-shrink: kill -9 of node ${systemLeaderNodeId}, which manages`);
    await cluster.killAndRestart(systemLeaderNodeId);
  }
  const answered = workload.answered;
  await until(() => workload.answered > answered, recoveryMsMax, 'operations are answered');
  await change;
  await cluster.settled();
}

async function runRound(
  cluster: GrowingCluster,
  workload: RegisterWorkload,
  prng: Prng,
  round: number,
): Promise<void> {
  const startedAt = performance.now();
  const joined: number[] = [];
  const grows = async (): Promise<void> => {
    joined.push(await cluster.grow(), await cluster.grow());
  };
  workload.nextKeys();
  await withoutManager(cluster, workload, 4_000 + prng.below(3_000), grows());
  workload.nextKeys();
  const shrinks = async (): Promise<void> => {
    for (const nodeId of joined) {
      await cluster.shrink(nodeId);
    }
  };
  await withoutManager(cluster, workload, 500 + prng.below(1_500), shrinks());
  workload.assertHealthy();
  const seconds = (performance.now() - startedAt) / 1_000;
  say(`grow-and-shrink: round ${round}: 3 -> 5 -> 3 in ${seconds.toFixed(1)} s`);
}

if (import.meta.main) {
  exitOnInterrupt();
  await runGrowAndShrink({ seed: chooseSeed(), rounds: Number(process.env['ROUNDS'] ?? 1) });
}
