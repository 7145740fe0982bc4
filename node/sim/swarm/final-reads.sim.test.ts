/**
 * Goal: the last requests of a seed ask whoever still serves, and tell a node that lost its store,
 * as was meant, from one that ends unasked. Method: a disk whose next write fails under them.
 */
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../../lib/prng.ts';
import { messageOf } from '../../lib/errors.ts';
import type { NodeId } from '../../sys/network.ts';
import { SimCluster } from '../cluster.ts';
import { History } from '../history.ts';
import { finalReads, probeEverywhere } from './final-reads.ts';
import { drawOptions } from './swarm-options.ts';

const options = drawOptions(1, { nodes: 3, shards: 2 });

async function clusterWithBadDisk(): Promise<{ cluster: SimCluster; lost: Map<NodeId, string> }> {
  const cluster = new SimCluster({ seed: 5, nodes: 3, shards: 2 });
  const lost = new Map<NodeId, string>();
  await cluster.start();
  cluster.onFailed = (nodeId, error) => {
    lost.set(nodeId, messageOf(error));
    cluster.scheduler.after(0, () => {
      cluster.crash(nodeId, false);
    });
  };
  cluster.disk(2).failNext('EIO', (one) => one.kind === 'write');
  return { cluster, lost };
}

function historyOf(keys: number): History {
  const history = new History();
  for (let i = 0; i < keys; i++) {
    history.ok(history.invoke(1, `1/key${i}`, { kind: 'read' }), { kind: 'missing' });
  }
  return history;
}

describe('the last requests', () => {
  test('a node that loses its store under the probe is done without', async () => {
    const asked = await clusterWithBadDisk();
    expect(await probeEverywhere(asked, options)).toBeUndefined();
    expect([...asked.lost.keys()]).toEqual([2]);
  });

  test('a node that loses its store under the reads: another reads the key', async () => {
    const cluster = new SimCluster({ seed: 6, nodes: 3, shards: 2 });
    await cluster.start();
    const asked = { cluster, lost: new Map<NodeId, string>() };
    const history = historyOf(30);
    cluster.scheduler.after(5, () => {
      asked.lost.set(2, 'its disk failed');
      cluster.crash(2, false);
    });
    expect(await finalReads(asked, history, new Prng(1))).toBeUndefined();
    expect([...asked.lost.keys()]).toEqual([2]);
    expect(history.operations().map(({ outcome }) => outcome.kind)).toEqual(
      Array.from({ length: 60 }, () => 'missing'),
    );
  });

  test('a node that ends and was not to is a failure', async () => {
    const { cluster } = await clusterWithBadDisk();
    const probe = probeEverywhere({ cluster, lost: new Map() }, options);
    await expect(probe).rejects.toThrow(/Node 2 (runs|neither answers nor ends)/);
  });
});
