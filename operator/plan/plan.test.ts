// Goal: the plan brings a cluster to what the spec says, from wherever it is, without ever taking a
// shard's majority away, also when the operator is lost between any two steps. Method: a model of
// Kubernetes and the database (`testing-world.ts`) that throws when data is lost.
import { describe, expect, test } from '@jest/globals';
import { contestMs } from './contested-replicas.ts';
import { cordonMs } from './cordon-plan.ts';
import { describeStep } from './step.ts';
import { testingSpec as spec } from './testing-spec.ts';
import { TestingWorld, tickMs } from './testing-world.ts';

function settled(replicas = 3): TestingWorld {
  const world = new TestingWorld(spec({ replicas }));
  world.run('a settled cluster', () => world.isSettled());
  world.log.length = 0;
  return world;
}

const scale = (world: TestingWorld, replicas: number): void => {
  world.spec = { ...world.spec, replicas };
};

describe('create', () => {
  test('pods first, then the database on all of them, then the marks', () => {
    const world = new TestingWorld(spec());
    world.run('a settled cluster', () => world.isSettled());
    world.tick();
    expect(world.log).toEqual([
      'createSet replicas=3',
      'init members=1:demo-0,2:demo-1,3:demo-2',
      'labelClaim claim=data-demo-0 node=1',
      'labelClaim claim=data-demo-1 node=2',
      'labelClaim claim=data-demo-2 node=3',
    ]);
  });

  test('at rest nothing is done', () => {
    const world = settled();
    for (let tick = 0; tick < 50; tick += 1) {
      world.tick();
    }
    expect(world.log).toEqual([]);
  });

  test('a disk that holds another database forbids a new one', () => {
    const world = new TestingWorld(spec());
    world.run('pods', () => world.pods.size === 3);
    for (const [ordinal, clusterId] of [
      [0, 'old-a'],
      [1, 'old-b'],
    ] as const) {
      Object.assign(world.claims.get(ordinal) ?? {}, { disk: { clusterId, nodeId: 1 } });
    }
    for (let tick = 0; tick < 20; tick += 1) {
      world.tick();
    }
    expect(world.report.problems[0]?.reason).toBe('BootstrapAmbiguous');
    expect(world.log).toEqual(['createSet replicas=3']);
  });

  test('marked volumes that are all empty are not a new cluster', () => {
    const world = settled();
    world.set = undefined;
    world.pods.clear();
    world.nodes = [];
    world.shards = [];
    world.clusterId = '';
    for (const claim of world.claims.values()) {
      claim.disk = undefined;
    }
    for (let tick = 0; tick < 20; tick += 1) {
      world.tick();
    }
    expect(world.report.problems[0]?.reason).toBe('BootstrapAmbiguous');
    expect(world.log).toEqual(['createSet replicas=3']);
  });

  test('kept volumes are adopted, all of them, also with fewer replicas', () => {
    const world = settled(5);
    world.set = undefined;
    world.pods.clear();
    world.uid = 'cluster-2';
    scale(world, 3);
    world.run('a settled cluster of 3', () => world.isSettled());
    expect(world.log[0]).toBe('createSet replicas=5');
    expect(world.log).not.toContain('init');
    expect(world.log).toContain('removeNode node=5');
    expect(world.clusterId).toBe('cluster-1');
  });
});

describe('scale', () => {
  test('up: pods, then joining one by one, marked before they are active', () => {
    const world = settled();
    scale(world, 5);
    world.run('5 nodes', () => world.isSettled());
    expect(world.log).toEqual([
      'scaleSet replicas=5 why=ScaleUp',
      'join pod=demo-3 zone=z0',
      'labelClaim claim=data-demo-3 node=4',
      'setNodeState node=4 state=active why=Joined',
      'join pod=demo-4 zone=z1',
      'labelClaim claim=data-demo-4 node=5',
      'setNodeState node=5 state=active why=Joined',
    ]);
  });

  test('down: drained, removed, marked, and only then the set shrinks, one at a time', () => {
    const world = settled(5);
    scale(world, 3);
    world.run('3 nodes', () => world.isSettled());
    expect(world.log).toEqual([
      'setNodeState node=5 state=draining why=ScaleDown',
      'removeNode node=5',
      'retireClaim claim=data-demo-4 node=5',
      'scaleSet replicas=4 why=ScaleDown',
      'setNodeState node=4 state=draining why=ScaleDown',
      'removeNode node=4',
      'retireClaim claim=data-demo-3 node=4',
      'scaleSet replicas=3 why=ScaleDown',
    ]);
    expect(world.claims.size).toBe(5);
  });

  test('down: the pod of a removed node is told to go in the round of its removal', () => {
    const world = settled(4);
    scale(world, 3);
    world.run('drained', () => world.nodes.some((node) => node.state === 'drained'));
    expect(world.decide().map(describeStep)).toEqual([
      'removeNode node=4',
      'retireClaim claim=data-demo-3 node=4',
      'scaleSet replicas=3 why=ScaleDown',
    ]);
    // A volume that is not marked with the node waits for another look.
    Object.assign(world.claims.get(3) ?? {}, { nodeId: '' });
    expect(world.decide().map(describeStep)).not.toContain('scaleSet replicas=3 why=ScaleDown');
  });

  test('down with volumes deleted: after their pods, by the word of the database', () => {
    const world = settled(4);
    const { storage } = world.spec;
    const retention = { ...storage.retention, whenScaled: 'Delete' } as const;
    world.spec = { ...world.spec, replicas: 3, storage: { ...storage, retention } };
    world.run('3 volumes', () => world.claims.size === 3);
    expect(world.log.at(-1)).toBe('deleteClaim claim=data-demo-3 node=4');
    expect(world.isSettled()).toBe(true);
  });

  test('volumes belong to the cluster while they are to go with it, retired ones too', () => {
    const world = settled(4);
    const { storage } = world.spec;
    const taken = { ...storage.retention, whenDeleted: 'Delete' } as const;
    world.spec = { ...world.spec, replicas: 3, storage: { ...storage, retention: taken } };
    const count = (): number => [...world.claims.values()].filter((each) => each.isOwned).length;
    world.run('all owned', () => world.isSettled() && count() === 4);
    // A volume of another database is not taken along.
    const last = world.claims.get(3);
    Object.assign(last ?? {}, { isOwned: false, clusterId: 'another' });
    world.run('three owned', () => world.isSettled() && count() === 3);
    world.spec = { ...world.spec, storage };
    world.run('none owned', () => world.isSettled() && count() === 0);
    expect(world.log.filter((line) => line.startsWith('ownClaim')).slice(-3)).toEqual([
      'ownClaim claim=data-demo-0 owned=false',
      'ownClaim claim=data-demo-1 owned=false',
      'ownClaim claim=data-demo-2 owned=false',
    ]);
  });

  test('down waits for the stabilization time', () => {
    const world = settled(4);
    world.spec = { ...world.spec, scaleDown: { stabilizationSeconds: 30, stallSeconds: 600 } };
    scale(world, 3);
    for (let tick = 0; tick < 20; tick += 1) {
      world.tick();
    }
    expect(world.log).toEqual([]);
    expect(world.report.operations[0]?.step).toBe('Stabilize');
    scale(world, 4);
    world.tick();
    scale(world, 3);
    world.run('a drain', () => world.log.length > 0, 40);
  });

  test('below the replication factor is refused by name, and nothing is done', () => {
    const world = settled();
    scale(world, 2);
    for (let tick = 0; tick < 20; tick += 1) {
      world.tick();
    }
    expect(world.log).toEqual([]);
    expect(world.report.scaleDownBlocked?.reason).toBe('BelowReplicationFactor');
  });

  test('a drain is called off when replicas are raised again, at each phase', () => {
    for (const phase of ['draining', 'drained']) {
      const world = settled(4);
      scale(world, 3);
      world.run(`it is ${phase}`, () => world.nodes[3]?.state === phase);
      scale(world, 4);
      world.run('4 nodes', () => world.isSettled());
      expect(world.log.at(-1)).toBe('setNodeState node=4 state=active why=DrainCancelled');
    }
  });

  test('a volume of a removed node blocks growing, with the remedy', () => {
    const world = settled(4);
    scale(world, 3);
    world.run('3 nodes', () => world.isSettled());
    world.log.length = 0;
    scale(world, 4);
    for (let tick = 0; tick < 10; tick += 1) {
      world.tick();
    }
    expect(world.log).toEqual([]);
    expect(world.report.scaleUpBlocked?.reason).toBe('RetiredVolume');
    expect(world.report.scaleUpBlocked?.message).toContain('kubectl delete pvc data-demo-3');
    world.claims.delete(3);
    world.run('4 nodes', () => world.isSettled());
  });

  test('the set scaled by hand is set back: down, up, to 0, and during a drain', () => {
    for (const replicas of [1, 0, 7]) {
      const world = settled();
      if (world.set !== undefined) {
        world.set.replicas = replicas;
      }
      world.run('3 nodes', () => world.isSettled());
      expect(world.log[0]).toBe('scaleSet replicas=3 why=ExternalScale');
      expect(world.nodes.length).toBe(3);
    }
    const world = settled(5);
    scale(world, 3);
    world.run('a drain', () => world.nodes[4]?.state === 'draining');
    if (world.set !== undefined) {
      world.set.replicas = 3;
    }
    world.run('3 nodes', () => world.isSettled());
    expect(world.log).toContain('scaleSet replicas=5 why=ExternalScale');
  });
});

describe('roll', () => {
  test('one pod at a time: leaders off, announced, replaced, taken back', () => {
    const world = settled();
    world.wantedHash = 'v2';
    world.run('all on v2', () => world.isSettled());
    const kinds = world.log.map((line) => line.split(' ')[0]);
    const onePod = ['evictLeaders', 'setMaintenance'];
    const back = ['setMaintenance', 'evictLeaders'];
    expect(kinds).toEqual([
      ...[...onePod, 'writeTemplate', 'deletePod', 'confirmTemplate', ...back],
      ...[...onePod, 'deletePod', ...back],
      ...[...onePod, 'deletePod', ...back],
    ]);
  });

  test('a pod that is down blocks it', () => {
    const world = settled();
    world.brokenOrdinals.add(0);
    world.wantedHash = 'v2';
    // The broken one itself is outdated: it is replaced, and blocks the others.
    for (let tick = 0; tick < 60; tick += 1) {
      world.tick();
    }
    expect([...world.pods.values()].map((pod) => pod.hash).sort()).toEqual(['v1', 'v1', 'v2']);
    world.brokenOrdinals.clear();
    world.run(
      'it is marked as failed',
      () => world.report.updateBlocked !== undefined || world.isSettled(),
    );
  });

  test('a bad template stops after one pod, and what is evicted comes back on the old one', () => {
    const world = settled();
    world.badHashes.add('v2');
    world.wantedHash = 'v2';
    world.run('it stops', () => world.report.updateBlocked?.reason === 'DeadlineExceeded');
    expect(world.set?.hash).toBe('v1');
    const evicted = [...world.pods].find(([, pod]) => pod.hash === 'v1')?.[0] ?? 0;
    Object.assign(world.pods.get(evicted) ?? {}, { terminatingTicks: 1 });
    world.run('it is back', () => world.isReady(evicted), 20);
    expect(world.pods.get(evicted)?.hash).toBe('v1');
    expect(world.report.updateBlocked?.reason).toBe('DeadlineExceeded');
    world.wantedHash = 'v3';
    world.run('all on v3', () => world.isSettled());
  });

  test('reverting a bad template repairs its pod', () => {
    const world = settled();
    world.badHashes.add('v2');
    world.wantedHash = 'v2';
    world.run('it stops', () => world.report.updateBlocked !== undefined);
    world.wantedHash = 'v1';
    world.run('all on v1', () => world.isSettled());
  });

  test('a majority broken by a bad template comes back without the database', () => {
    const world = settled();
    world.badHashes.add('v2');
    world.wantedHash = 'v2';
    for (const ordinal of [0, 1]) {
      Object.assign(world.pods.get(ordinal) ?? {}, { hash: 'v2', uid: `bad-${ordinal}` });
    }
    if (world.set !== undefined) {
      Object.assign(world.set, { hash: 'v2' });
    }
    for (let tick = 0; tick < 10; tick += 1) {
      world.tick();
    }
    world.wantedHash = 'v3';
    world.run('all on v3', () => world.isSettled());
  });

  test('waits for a consent when it shall', () => {
    const world = settled();
    world.spec = { ...world.spec, update: { ...world.spec.update, mode: 'OnRequest' } };
    world.wantedHash = 'v2';
    for (let tick = 0; tick < 10; tick += 1) {
      world.tick();
    }
    expect(world.log).toEqual([]);
    expect(world.report.requiresUpdate?.reason).toBe('UpdateOnRequest');
  });

  test('what nodes were told is taken back when the roll is not wanted any more, also paused', () => {
    for (const paused of [false, true]) {
      const world = settled();
      world.wantedHash = 'v2';
      world.run('an announcement', () => world.nodes.some((node) => node.maintenance));
      world.wantedHash = 'v1';
      world.spec = { ...world.spec, paused };
      world.run('all taken back', () =>
        world.nodes.every((node) => !node.maintenance && !node.evicting),
      );
    }
  });
});

describe('a machine that is cordoned', () => {
  test('its node is announced to be away, once, and taken back when the machine is', () => {
    const world = settled();
    world.cordoned.add(1);
    world.run('an announcement', () => world.nodes[1]?.maintenance === true);
    for (let tick = 0; tick < 20; tick += 1) {
      world.tick();
    }
    expect(world.log).toEqual([`setMaintenance node=2 ms=${cordonMs}`]);
    world.cordoned.clear();
    world.run('taken back', () => world.isSettled());
    expect(world.log).toEqual([
      `setMaintenance node=2 ms=${cordonMs}`,
      'setMaintenance node=2 ms=0',
    ]);
  });

  test('not two at a time, and not for ever', () => {
    const world = settled();
    world.cordoned.add(0).add(1);
    world.run('an announcement', () => world.nodes.some((node) => node.maintenance));
    for (let tick = 0; tick < cordonMs / tickMs; tick += 1) {
      world.tick();
      expect(world.nodes.filter((node) => node.maintenance).length).toBeLessThanOrEqual(1);
    }
    world.run('nobody is away', () => world.nodes.every((node) => !node.maintenance));
  });

  test('a pod that serves nothing is moved off it', () => {
    const world = settled();
    world.brokenOrdinals.add(3);
    scale(world, 4);
    world.run('a pod that fails', () => world.pods.has(3) && world.podView(3).failure !== '');
    const before = world.pods.get(3)?.uid;
    world.cordoned.add(0);
    world.run('another pod', () => (world.pods.get(3)?.uid ?? before) !== before);
    expect(world.log).toContain('deletePod pod=demo-3 why=Cordon');
  });
});

describe('spec.replicas that several set in turns', () => {
  test('takes no node away, and names them; one alone may', () => {
    const world = settled(4);
    const set = (manager: string, replicas: number): void => {
      world.managedBy = manager;
      scale(world, replicas);
      world.tick();
    };
    set('git', 3);
    set('hpa', 4);
    set('git', 3);
    for (let tick = 0; tick < 60; tick += 1) {
      world.tick();
    }
    expect(world.nodes.every((node) => node.state === 'active')).toBe(true);
    expect(world.report.scaleDownBlocked?.reason).toBe('ReplicasContested');
    expect(world.report.scaleDownBlocked?.message).toContain('"git" to 3 and by "hpa" to 4');
    world.run('3 nodes', () => world.isSettled(), contestMs / tickMs + 100);
  });
});

describe('adoption', () => {
  test('fixed fields that differ from the data’s stop everything by name', () => {
    const world = settled();
    world.spec = { ...world.spec, shards: 16, replicas: 5 };
    world.wantedHash = 'v2';
    for (let tick = 0; tick < 20; tick += 1) {
      world.tick();
    }
    expect(world.log).toEqual([]);
    expect(world.report.problems[0]?.reason).toBe('AdoptionConflict');
    expect(world.report.problems[0]?.message).toContain('8 shards, and spec.shards is 16');
    world.spec = { ...world.spec, shards: 8 };
    world.run('5 nodes', () => world.isSettled());
  });
});

describe('pause', () => {
  test('nothing is changed, and everything afterwards', () => {
    const world = settled();
    world.spec = { ...world.spec, paused: true, replicas: 4 };
    world.wantedHash = 'v2';
    for (let tick = 0; tick < 10; tick += 1) {
      world.tick();
    }
    expect(world.log).toEqual([]);
    world.spec = { ...world.spec, paused: false };
    world.run('all of it', () => world.isSettled());
  });
});

describe('crash points', () => {
  /** The whole life of a cluster; a restart of the operator before the step of this number. */
  function live(crashAt: number): number {
    const world = new TestingWorld(spec({ replicas: 3 }));
    let count = 0;
    const step = (): void => {
      for (const next of world.decide()) {
        count += 1;
        if (count === crashAt) {
          world.forget();
          break;
        }
        world.apply(next);
      }
      world.advance();
    };
    const until = (what: string, holds: () => boolean): void => {
      for (let tick = 0; !holds(); tick += 1) {
        if (tick > 400) {
          throw new Error(`Crash at ${crashAt}: ${what}\n${world.log.join('\n')}`);
        }
        step();
      }
    };
    until('created', () => world.isSettled());
    scale(world, 5);
    until('scaled up', () => world.isSettled());
    world.wantedHash = 'v2';
    until('rolled', () => world.isSettled());
    scale(world, 3);
    until('scaled down', () => world.isSettled());
    return count;
  }

  test('the operator is lost before every single step of a whole life', () => {
    const steps = live(0);
    expect(steps).toBeGreaterThan(40);
    for (let crashAt = 1; crashAt <= steps; crashAt += 1) {
      live(crashAt);
    }
  });
});
