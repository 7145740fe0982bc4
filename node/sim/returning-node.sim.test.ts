/**
 * Goal: a node that was away while the system group moved to nodes that it has never heard of finds
 * its way back. Method: a simulated cluster whose peers refuse the hello of strangers.
 */
import { expect, test } from '@jest/globals';
import { systemGroupId } from '../shards/groups.ts';
import { ManagedCluster } from './managed-cluster.ts';
import { core, get, testMs, tryPut } from './testing-scenarios.ts';

test.each([
  ['that joined meanwhile', false],
  ['it has never heard of, when all that it knew are gone', true],
])(
  'a node comes back to a cluster led by nodes %s',
  async (_who, othersGo) => {
    const cluster = new ManagedCluster({ seed: 7, nodes: 3, shards: 4, hellos: true });
    const { sim } = cluster;
    await sim.start();
    await cluster.settle();
    const changed = { settings: { deadNodeGraceMs: 3_000 }, allowLowerReplication: false };
    await cluster.change({ op: 'updateSettings', ...changed });
    sim.crash(1, true);
    await cluster.until('another node manages', () => (cluster.manager?.host.nodeId ?? 1) !== 1);
    for (let i = 0; i < 3; i++) {
      await cluster.grow(2);
    }
    await cluster.untilState(1, 'dead');
    for (const nodeId of [2, 3]) {
      await cluster.setState(nodeId, 'draining');
      await cluster.untilState(nodeId, 'drained');
    }
    for (const nodeId of othersGo ? [2, 3] : []) {
      await cluster.remove(nodeId);
    }
    await cluster.settle();
    const learners = othersGo ? [1] : [1, 2, 3];
    expect(cluster.held(systemGroupId)).toMatchObject({ voters: [4, 5, 6], learners });
    await sim.boot(1);
    expect([...core(sim, 1).catalog.nodes.keys()]).toEqual([1, 2, 3]);
    await cluster.until('node 1 has the catalog', () => {
      return core(sim, 1).catalog.nodes.has(6) && core(sim, 1).groupsReady;
    });
    await cluster.untilState(1, 'active');
    expect(await tryPut(sim, 1, 'k', '"v"')).toBe('ok');
    expect(await get(sim, 1, 'k')).toBe('"v"');
  },
  testMs,
);
