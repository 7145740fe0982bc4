/**
 * SIGSTOP of each node in turn for ten seconds, which pauses the leaders of a third of the shards,
 * under writers and strong readers on many keys. The others elect; the paused node wakes with
 * requests in its sockets and believes that it still leads. No strong read may be stale: the
 * history of each key must be linearizable (etcd issue 20418 is this fault).
 *
 * By itself: `node node/test/processes/pause-leader.ts` (`SEED=`, `PAUSE_MS=`).
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Prng } from '../../lib/prng.ts';
import { ProcessCluster, until } from './cluster.ts';
import { exitOnInterrupt } from './managed-process.ts';
import { RegisterWorkload } from './register-workload.ts';
import { assertGoodHistory, chooseSeed, say } from './verdict.ts';

export interface PauseLeaderOptions {
  readonly seed: number;
  readonly pauseMs: number;
  /** How many nodes are paused, one after the other. */
  readonly pauses: number;
}

const recoveryMsMax = 120_000;

export async function runPauseLeader(options: PauseLeaderOptions): Promise<void> {
  const { seed, pauseMs, pauses } = options;
  say(`pause-leader: replay with SEED=${seed} node node/test/processes/pause-leader.ts`);
  const prng = new Prng(seed);
  await using cluster = await ProcessCluster.start({ name: 'pause-leader' });
  // Many keys: shards are chosen by hash, so some of them are led by the paused node. The
  // deadline is longer than the pause: requests wait in the paused node's sockets.
  const workload = new RegisterWorkload({
    prng,
    urls: cluster.nodes().map((node) => cluster.clientUrl(node)),
    clients: 32,
    keys: 24,
    reads: 0.6,
    sticky: true,
    timeoutMs: pauseMs + 5_000,
  });
  workload.start();
  try {
    for (let turn = 0; turn < pauses; turn++) {
      workload.nextKeys();
      await wait(1_000);
      const node = 1 + (turn % cluster.nodeCount);
      const pid = cluster.pause(node);
      await wait(pauseMs);
      workload.assertHealthy();
      cluster.resume(pid);
      const startAnswered = workload.answered;
      await until(() => workload.answered > startAnswered + 200, recoveryMsMax, 'work goes on');
      await cluster.waitReady(recoveryMsMax);
      say(`pause-leader: node ${node} slept ${pauseMs} ms; ${workload.describe()}`);
    }
    await workload.stop();
    say(`pause-leader: ${await assertGoodHistory('pause-leader', workload)}`);
  } finally {
    await workload.stop().catch(() => undefined);
    workload.close();
  }
}

if (import.meta.main) {
  exitOnInterrupt();
  const pauseMs = Number(process.env['PAUSE_MS'] ?? 10_000);
  await runPauseLeader({ seed: chooseSeed(), pauseMs, pauses: Number(process.env['PAUSES'] ?? 3) });
}
