/**
 * Twenty short rounds of `kill -9`: each node in turn, then all three at once, under a checked
 * workload with retries off. What was killed is started again; at the end every
 * acknowledged write must be there and the history of each key linearizable.
 *
 * By itself: `node node/test/processes/kill-rounds.ts` (`SEED=` to choose the same again,
 * `ROUNDS=` for more). SIGKILL proves nothing about fsync: the disk simulator does that.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Prng } from '../../lib/prng.ts';
import { ProcessCluster, until } from './cluster.ts';
import { exitOnInterrupt } from './managed-process.ts';
import { RegisterWorkload } from './register-workload.ts';
import { assertGoodHistory, chooseSeed, say } from './verdict.ts';

export interface KillRoundsOptions {
  readonly seed: number;
  readonly rounds: number;
}

/** Time from a kill to writes through every node again; far above what is promised. */
const recoveryMsMax = 120_000;

export async function runKillRounds({ seed, rounds }: KillRoundsOptions): Promise<void> {
  say(
    `kill-rounds: replay with SEED=${seed} ROUNDS=${rounds} node node/test/processes/kill-rounds.ts`,
  );
  const prng = new Prng(seed);
  await using cluster = await ProcessCluster.start({ name: 'kill-rounds', ownsNodes: true });
  const workload = new RegisterWorkload({
    prng,
    urls: cluster.nodes().map((node) => cluster.clientUrl(node)),
    clients: 10,
  });
  workload.start();
  try {
    for (let round = 0; round < rounds; round++) {
      await runRound(cluster, workload, prng, round);
    }
    await workload.stop();
    say(`kill-rounds: ${workload.describe()}`);
    say(`kill-rounds: ${await assertGoodHistory('kill-rounds', workload)}`);
  } finally {
    await workload.stop().catch(() => undefined);
    workload.close();
  }
}

async function runRound(
  cluster: ProcessCluster,
  workload: RegisterWorkload,
  prng: Prng,
  round: number,
): Promise<void> {
  const turn = round % (cluster.nodeCount + 1);
  const victims = turn === cluster.nodeCount ? cluster.nodes() : [turn + 1];
  workload.nextKeys();
  await wait(500 + prng.below(700));
  workload.assertHealthy();
  const startedAt = performance.now();
  await cluster.kill(victims);
  // The others go on, if they are a majority, before the victim is back.
  await wait(prng.below(1_500));
  cluster.restart(victims);
  const startAnswered = workload.answered;
  await until(() => workload.answered > startAnswered, recoveryMsMax, 'operations are answered');
  const answeredMs = performance.now() - startedAt;
  await cluster.waitReady(recoveryMsMax);
  const readyMs = performance.now() - startedAt;
  say(
    `round ${round + 1}: killed ${victims.join(', ')}; answers after ` +
      `${answeredMs.toFixed(0)} ms, all ready after ${readyMs.toFixed(0)} ms`,
  );
}

if (import.meta.main) {
  exitOnInterrupt();
  await runKillRounds({ seed: chooseSeed(), rounds: Number(process.env['ROUNDS'] ?? 20) });
}
