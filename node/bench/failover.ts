/**
 * How long writes are not answered after `kill -9` of the node that leads the most shards, with
 * default settings: writers try keys of all shards through the other nodes, every attempt on its
 * own; a shard is back with its first acknowledged write begun after the kill, and the time of a
 * kill is that of the last shard.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { KeyClient } from '../test/processes/key-client.ts';
import type { ProcessCluster } from '../test/processes/cluster.ts';
import { askStatus } from './cluster-status.ts';
import { median } from './pairs.ts';
import type { BenchProcesses, Suite } from './processes.ts';
import type { Measurement, RowTarget } from './report.ts';

/** Enough keys that each of 16 shards has one (all but 1 in 250 times), or near all of 64. */
const keyCount = 128;
const attemptEveryMs = 100;
const recoveryMsMax = 30_000;
/** Between kills: elections done, leaders spread again, caches warm. */
const settleMs = 5_000;

export const failover: Suite<RowTarget> = {
  targets: [
    {
      id: 'failover',
      title: 'Leader killed: writes of all shards answered again after',
      ...{ unit: 's', better: 'less', atLeast: 3, aim: 1 },
    },
  ],
  measure,
};

async function measure(_target: RowTarget, processes: BenchProcesses): Promise<Measurement> {
  const cluster = await processes.cluster();
  const times: number[] = [];
  for (let i = 0; i < processes.settings.pairs; i++) {
    await cluster.waitReady();
    await wait(settleMs);
    times.push((await measureKill(cluster, await findBusiestNode(cluster))) / 1_000);
  }
  await cluster.waitReady();
  return {
    value: median(times),
    facts: { kills: times.length, slowest: Math.max(...times), fastest: Math.min(...times) },
  };
}

async function findBusiestNode(cluster: ProcessCluster): Promise<number> {
  const { nodes } = await askStatus(cluster, 1);
  const busiest = [...nodes].sort((a, b) => b.leaderCount - a.leaderCount)[0];
  return busiest?.member?.nodeId ?? 1;
}

/** Kills the node; returns the time until every key was written again, ms. */
async function measureKill(cluster: ProcessCluster, victim: number): Promise<number> {
  const others = cluster.nodes().filter((node) => node !== victim);
  const client = new KeyClient(recoveryMsMax);
  const keys = Array.from({ length: keyCount }, (_, index) => `failover-${index}`);
  const attempt = async (key: string, turn: number): Promise<boolean> => {
    const url = cluster.clientUrl(others[turn % others.length] ?? 1);
    const put = { kind: 'put', value: `${key} ${turn}` } as const;
    return (await client.call(url, key, put)).kind === 'answer';
  };
  try {
    await Promise.all(keys.map(async (key, index) => await attempt(key, index)));
    await cluster.kill([victim]);
    const killedAt = performance.now();
    const recovered = keys.map(async (key, index) => {
      await firstSuccess(async (turn) => await attempt(key, turn + index));
      return performance.now() - killedAt;
    });
    return Math.max(...(await Promise.all(recovered)));
  } finally {
    client.close();
  }
}

/** Starts an attempt every so often until one of them succeeds. */
async function firstSuccess(attempt: (turn: number) => Promise<boolean>): Promise<void> {
  const startedAt = performance.now();
  await new Promise<void>((resolve, reject) => {
    let turn = 0;
    const start = (): void => {
      if (performance.now() - startedAt > recoveryMsMax) {
        clearInterval(timer);
        reject(new Error(`Cannot write after a kill: tried for ${recoveryMsMax} ms`));
        return;
      }
      void attempt(turn++).then((went) => {
        if (went) {
          clearInterval(timer);
          resolve();
        }
      }, reject);
    };
    const timer = setInterval(start, attemptEveryMs);
    start();
  });
}
