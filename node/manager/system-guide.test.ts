// Where a node looks for the system group. Goal: it asks only when it is lost, one peer at a time,
// and goes by an answer exactly as long as that is newer than what it has. Method: a catalog on
// paper, peers that answer as the test says.
import { describe, expect, test } from '@jest/globals';
import { DynakvError } from '../lib/errors.ts';
import type { WhereaboutsReply } from '../host/group-commands.ts';
import type { NodeId } from '../sys/network.ts';
import { silentLogger } from '../sys/log.ts';
import { Catalog } from './catalog.ts';
import type { JoinSeed } from './join-seed.ts';
import { SystemGuide } from './system-guide.ts';
import { CatalogBench } from './testing-catalog.ts';

const nobody = 0;
const looksBeforeAsking = 3;

function found(index: number, ids: readonly NodeId[]): WhereaboutsReply {
  return {
    ...{ kind: 'found', index },
    members: ids.map((nodeId) => ({ nodeId, address: `new${nodeId}:7000`, storeId: 's' })),
    systemReplicas: ids.map((nodeId) => ({ replicaId: nodeId + 10, nodeId })),
  };
}

const seed: JoinSeed = {
  ...{ nodeId: 9, clusterId: 'c', systemReplicaId: 19 },
  members: [{ nodeId: 8, address: 'n8:7000', storeId: 's8' }],
  systemReplicas: [{ replicaId: 18, nodeId: 8 }],
};

class GuideBench {
  readonly group = { leader: nobody, stoppedBecause: undefined as unknown, appliedIndex: 5 };
  readonly live = new Set<NodeId>([2, 3, 8]);
  readonly asked: NodeId[] = [];
  answer: (nodeId: NodeId) => Promise<WhereaboutsReply> = () =>
    Promise.reject(new DynakvError('Unavailable', 'silent'));
  changes = 0;
  readonly guide: SystemGuide;

  constructor(catalog: Catalog, born?: JoinSeed) {
    const { group, live, asked } = this;
    const replica = {
      get applied() {
        return { index: group.appliedIndex };
      },
    };
    const guided = {
      get leader() {
        return group.leader;
      },
      get stoppedBecause() {
        return group.stoppedBecause;
      },
      replica,
    };
    const parts = {
      host: { groups: new Map([[0, guided]]), liveness: { isLive: (id: NodeId) => live.has(id) } },
      clock: { monotonicMs: () => 0, wallMs: () => 0 },
      router: () => ({
        whereabouts: (nodeId: NodeId) => {
          asked.push(nodeId);
          return this.answer(nodeId);
        },
      }),
      changed: () => {
        this.changes += 1;
      },
    };
    this.guide = new SystemGuide({ catalog, logger: silentLogger, ...parts }, born);
  }

  /** Looks so often, each time after the answers to the look before. */
  async look(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      this.guide.look();
      await new Promise(setImmediate);
    }
  }

  get memberIds(): NodeId[] {
    return this.guide.members.map(({ nodeId }) => nodeId);
  }
}

function loaded(): GuideBench {
  return new GuideBench(new CatalogBench(3).catalog);
}

describe('SystemGuide', () => {
  test('goes by the seed before there is a catalog, and by the catalog from then on', () => {
    const bench = new GuideBench(new Catalog(), seed);
    expect(bench.memberIds).toEqual([8]);
    expect(bench.guide.systemReplicas).toEqual(seed.systemReplicas);
    const other = new GuideBench(new CatalogBench(3).catalog, seed);
    expect(other.memberIds).toEqual([1, 2, 3]);
    expect(other.guide.systemReplicas.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3]);
  });

  test('a removed node is no member', () => {
    const born = new CatalogBench(3);
    born.setNode(2, { state: 'removed' });
    expect(new GuideBench(born.catalog).memberIds).toEqual([1, 3]);
  });

  test('asks nobody while somebody leads, or its replica has stopped', async () => {
    const bench = loaded();
    bench.group.leader = 2;
    await bench.look(20);
    bench.group.leader = nobody;
    bench.group.stoppedBecause = new Error('disk');
    await bench.look(20);
    expect(bench.asked).toEqual([]);
  });

  test('an election is waited for, then the live peers are asked in turn', async () => {
    const bench = loaded();
    await bench.look(looksBeforeAsking - 1);
    expect(bench.asked).toEqual([]);
    await bench.look(4);
    expect(bench.asked).toEqual([2, 3, 2, 3]);
    bench.group.leader = 3;
    await bench.look(1);
    bench.group.leader = nobody;
    await bench.look(looksBeforeAsking - 1);
    expect(bench.asked).toHaveLength(4);
  });

  test('one question at a time', async () => {
    const bench = loaded();
    const waiting = Promise.withResolvers<WhereaboutsReply>();
    bench.answer = () => waiting.promise;
    await bench.look(10);
    expect(bench.asked).toEqual([2]);
    waiting.reject(new Error('too late'));
    await bench.look(2);
    expect(bench.asked).toEqual([2, 3]);
  });

  test('with nobody live there is nobody to ask', async () => {
    const bench = loaded();
    bench.live.clear();
    await bench.look(20);
    expect(bench.asked).toEqual([]);
  });

  test('a newer answer is gone by until the own catalog is as new', async () => {
    const bench = loaded();
    bench.answer = () => Promise.resolve(found(9, [4, 5, 6]));
    await bench.look(looksBeforeAsking);
    expect(bench.changes).toBe(1);
    expect(bench.memberIds).toEqual([4, 5, 6]);
    expect(bench.guide.systemReplicas.map(({ replicaId }) => replicaId)).toEqual([14, 15, 16]);
    bench.group.appliedIndex = 8;
    expect(bench.memberIds).toEqual([4, 5, 6]);
    bench.group.appliedIndex = 9;
    expect(bench.memberIds).toEqual([1, 2, 3]);
  });

  test('the members of the answer are asked next, and an older word changes nothing', async () => {
    const bench = loaded();
    bench.live.add(5);
    bench.answer = () => Promise.resolve(found(9, [5]));
    await bench.look(looksBeforeAsking);
    bench.answer = (nodeId) => Promise.resolve(found(nodeId === 5 ? 7 : 30, [2]));
    await bench.look(1);
    expect(bench.asked).toEqual([2, 5]);
    expect(bench.changes).toBe(1);
    expect(bench.memberIds).toEqual([5]);
  });

  test('an answer that is no newer than the catalog changes nothing', async () => {
    const bench = loaded();
    bench.answer = () => Promise.resolve(found(5, [7]));
    await bench.look(looksBeforeAsking);
    expect(bench.changes).toBe(0);
    expect(bench.memberIds).toEqual([1, 2, 3]);
  });

  test('who calls and is newer than all that are known is let in while nobody leads', async () => {
    const bench = loaded();
    bench.live.clear();
    bench.guide.called({ nodeId: 7, address: 'n7:7000' });
    bench.guide.called({ nodeId: 3, address: 'elsewhere:7000' });
    expect(bench.memberIds).toEqual([1, 2, 3]);
    await bench.look(looksBeforeAsking);
    expect(bench.memberIds).toEqual([1, 2, 3, 7]);
    expect(bench.changes).toBe(1);
    bench.live.add(7);
    bench.answer = () => Promise.resolve(found(9, [6, 7]));
    await bench.look(1);
    expect(bench.asked).toEqual([7]);
    expect(bench.memberIds).toEqual([6, 7]);
    bench.group.leader = 7;
    bench.group.appliedIndex = 9;
    await bench.look(1);
    expect(bench.memberIds).toEqual([1, 2, 3]);
  });

  test('a call while it is lost is told once, and few newcomers are kept', async () => {
    const bench = loaded();
    await bench.look(looksBeforeAsking);
    for (let nodeId = 4; nodeId <= 20; nodeId++) {
      bench.guide.called({ nodeId, address: `n${nodeId}:7000` });
      bench.guide.called({ nodeId, address: `n${nodeId}:7000` });
    }
    expect(bench.changes).toBe(17);
    expect(bench.memberIds).toEqual([1, 2, 3, 16, 17, 18, 19, 20]);
  });

  test('a new seed is told, and used by a node that has nothing else', () => {
    const bench = new GuideBench(new Catalog(), seed);
    bench.guide.reseed({ ...seed, members: found(0, [4]).members });
    expect(bench.changes).toBe(1);
    expect(bench.memberIds).toEqual([4]);
  });

  test('answers by its catalog, or says that it has none', () => {
    const { guide } = loaded();
    expect(guide.answer()).toMatchObject({
      ...{ kind: 'found', index: 5 },
      members: [
        { nodeId: 1, address: 'n1:7000', storeId: 's1' },
        { nodeId: 2, address: 'n2:7000', storeId: 's2' },
        { nodeId: 3, address: 'n3:7000', storeId: 's3' },
      ],
    });
    const newborn = new GuideBench(new Catalog(), seed).guide;
    expect(() => newborn.answer()).toThrow('Cannot say where the system group is: no catalog yet');
  });
});
