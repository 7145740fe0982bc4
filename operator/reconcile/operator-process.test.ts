/**
 * The operator as a whole, from an object that somebody applies to the state of the world: objects
 * in the API server, nodes of the database, conditions. What it called on the way is no matter.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../kube/testing-kube.ts';
import { TestingOperator } from '../test/testing-operator.ts';
import { pods, sets } from '../test/testing-kubelet.ts';

let world: TestingOperator;

beforeEach(async () => {
  world = await TestingOperator.start();
});

afterEach(async () => {
  await world.stop();
  // Whatever a test does: nobody was ever asked to lose data.
  expect(world.database.violations).toEqual([]);
});

async function ready(spec: object): Promise<void> {
  world.apply(spec);
  await until('Ready at this generation', () => world.isReady);
}

const owners = (ordinal: number): readonly string[] =>
  (world.claim(ordinal)?.metadata.ownerReferences ?? []).map(({ kind }) => kind);

describe('the operator', () => {
  test('makes a cluster of an empty spec, and its objects are the cluster’s own', async () => {
    await ready({});
    expect(world.database.activeIds).toEqual([1, 2, 3]);
    expect(world.status).toMatchObject({ phase: 'Ready', replicas: 3, readyReplicas: 3 });
    const { uid } = world.cluster.metadata;
    const made = ['/api/v1', '/apis/policy/v1', '/apis/apps/v1', '/apis/networking.k8s.io/v1']
      .flatMap((group) =>
        ['services', 'secrets', 'serviceaccounts', 'poddisruptionbudgets', 'statefulsets']
          .concat('networkpolicies')
          .flatMap((plural) => world.server.list(`${group}/namespaces/default/${plural}`)),
      )
      .map(({ kind, metadata }) => {
        expect(metadata.ownerReferences?.map((owner) => owner.uid)).toEqual([uid]);
        return `${kind} ${metadata.name}`;
      });
    expect(made.sort()).toEqual([
      'NetworkPolicy demo',
      'PodDisruptionBudget demo',
      ...['Secret demo-ca', 'Secret demo-ca-key', 'Secret demo-operator-tls'],
      ...['Secret demo-peer-tls', 'Service demo-client', 'Service demo-peers'],
      ...['ServiceAccount demo', 'StatefulSet demo'],
    ]);
    expect(world.claim(2)?.metadata.labels).toMatchObject({
      'dynakv.dev/cluster-id': uid,
      'dynakv.dev/node-id': '3',
    });
  });

  test('grows, and shrinks only what the database has let go', async () => {
    await ready({});
    await ready({ replicas: 5 });
    expect(world.database.activeIds).toEqual([1, 2, 3, 4, 5]);
    await ready({ replicas: 3 });
    expect(world.database.activeIds).toEqual([1, 2, 3]);
    expect(world.server.list(pods).map(({ metadata }) => metadata.name)).toEqual(
      expect.arrayContaining(['demo-0', 'demo-1', 'demo-2']),
    );
    expect(world.server.list(pods)).toHaveLength(3);
    // The volumes stay, and say whose they were.
    expect(world.claim(4)?.metadata.labels?.['dynakv.dev/retired-node-id']).toBe('5');
  });

  test('puts back what somebody else did to the set', async () => {
    await ready({});
    const set = world.set;
    expect(set).toBeDefined();
    if (set !== undefined) {
      world.server.put(sets, { ...set, spec: { ...set.spec, replicas: 1 } });
    }
    await until('three replicas', () => world.set?.spec?.replicas === 3 && world.isReady);
    expect(world.database.activeIds).toEqual([1, 2, 3]);
  });

  test('replaces every pod for a new configuration, and takes back what nodes were told', async () => {
    await ready({});
    const before = new Set(world.server.list(pods).map(({ metadata }) => metadata.uid));
    await ready({ config: { 'log-level': 'debug' } });
    const after = world.server.list(pods).map(({ metadata }) => metadata.uid);
    expect(after.filter((uid) => before.has(uid))).toEqual([]);
    await until('all is taken back', () =>
      world.database.nodes.every((node) => !node.evicting && node.maintenanceUntilMs === 0),
    );
  });

  test('stops at a pod that fails, says so, and goes on when the spec is mended', async () => {
    await ready({});
    world.kubelet.failing.add('demo-2');
    world.apply({ config: { 'log-level': 'debug' } });
    world.kubelet.look();
    await until('it is stuck', () => world.condition('Ready').startsWith('False'));
    world.kubelet.failing.clear();
    world.kubelet.look();
    await until('Ready', () => world.isReady);
  });

  test('says by name what stands in the way of shrinking, and does nothing', async () => {
    await ready({});
    world.apply({ replicas: 2 });
    await until(
      'a refusal',
      () => world.condition('ScaleDownBlocked') === 'True BelowReplicationFactor',
    );
    expect(world.database.activeIds).toEqual([1, 2, 3]);
    expect(world.set?.spec?.replicas).toBe(3);
  });

  test('volumes go with the cluster when they shall, and stay when they shall', async () => {
    const keep = (whenDeleted: string): object => ({ storage: { retention: { whenDeleted } } });
    await ready(keep('Delete'));
    await until('owned', () => [0, 1, 2].every((ordinal) => owners(ordinal).length === 1));
    expect(owners(0)).toEqual(['DynamoCluster']);
    world.apply(keep('Retain'));
    await until('free again', () => [0, 1, 2].every((ordinal) => owners(ordinal).length === 0));
  });

  test('leaves alone what is of another, and names it', async () => {
    const metadata = { name: 'demo-client', namespace: 'default' };
    const services = '/api/v1/namespaces/default/services';
    world.server.put(services, { apiVersion: 'v1', kind: 'Service', metadata, spec: { x: 1 } });
    world.apply({});
    await until('a complaint', () => world.condition('Degraded') === 'True NameCollision');
    expect(world.server.find(services, 'demo-client')?.['spec']).toEqual({ x: 1 });
    world.server.remove(services, 'demo-client');
    await until('Ready', () => world.isReady);
  });

  test('while it is paused nothing changes, and everything afterwards', async () => {
    await ready({});
    world.apply({ paused: true, replicas: 4 });
    await until('paused', () => world.condition('Paused') === 'True Paused');
    expect(world.set?.spec?.replicas).toBe(3);
    await ready({ replicas: 4 });
    expect(world.database.activeIds).toEqual([1, 2, 3, 4]);
  });

  test('a successor finds things as they are, and takes control before it changes anything', async () => {
    await ready({});
    await ready({ replicas: 4 });
    const { controlEpoch } = world.database;
    const before = [world.set?.metadata.resourceVersion, world.database.log.join()];
    await world.stopOperator();
    await world.startOperator();
    const seen = world.server.requests.length;
    await until('a round', () =>
      world.server.requests
        .slice(seen)
        .some(({ path, method }) => method === 'GET' && path.endsWith('/pods')),
    );
    expect([world.set?.metadata.resourceVersion, world.database.log.join()]).toEqual(before);
    await ready({ replicas: 5 });
    expect(world.database.controlEpoch).toBe(controlEpoch + 1);
  });

  test('data of other fixed fields is adopted by nobody', async () => {
    await ready({});
    world.apply({ shards: 16, replicas: 4 });
    await until('a complaint', () => world.condition('Degraded') === 'True AdoptionConflict');
    expect(world.set?.spec?.replicas).toBe(3);
  });
});
