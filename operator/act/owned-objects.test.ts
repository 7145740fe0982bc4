/**
 * Objects of a cluster: made, left alone when they are another's, gone or silent when they are not
 * wanted, and missed by name when their kind is not installed. Method: a client over a map.
 */
import { describe, expect, test } from '@jest/globals';
import type { Clock } from '../../node/sys/clock.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { KubeError } from '../kube/kube-error.ts';
import type { KubeObject } from '../api/kube-object.ts';
import { OwnedObjects } from './owned-objects.ts';

const clock: Clock = { monotonicMs: () => 1_000, wallMs: () => 1_000 };

class Objects {
  readonly calls: string[] = [];
  readonly #known = new Map<string, KubeObject>();
  readonly #missingKinds: readonly string[];

  constructor(known: readonly KubeObject[] = [], missingKinds: readonly string[] = []) {
    for (const object of known) {
      this.#known.set(object.metadata.name, object);
    }
    this.#missingKinds = missingKinds;
  }

  get client(): KubeClient {
    const client: Partial<KubeClient> = {
      find: (async (_kind: unknown, _namespace: string, name: string) =>
        this.#known.get(name)) as KubeClient['find'],
      create: (async (object: KubeObject) => {
        if (this.#missingKinds.includes(object.kind)) {
          throw new KubeError({ status: 404, reason: 'NotFound', message: 'no such kind' });
        }
        this.calls.push(`create ${object.metadata.name}`);
        return object;
      }) as KubeClient['create'],
      apply: (async (object: KubeObject) => {
        this.calls.push(`apply ${object.metadata.name}`);
        return object;
      }) as KubeClient['apply'],
      mergePatch: (async (object: KubeObject, patch: object) => {
        this.calls.push(`patch ${object.metadata.name} ${JSON.stringify(patch)}`);
        return object;
      }) as KubeClient['mergePatch'],
      delete: async (object, { uid }) => {
        this.calls.push(`delete ${object.metadata.name} ${uid}`);
      },
    };
    return client as KubeClient;
  }
}

function objectOf(kind: string, name: string, owner?: string): KubeObject {
  const versions: Record<string, string> = {
    PodMonitor: 'monitoring.coreos.com/v1',
    PodDisruptionBudget: 'policy/v1',
  };
  const ownerReferences =
    owner === undefined
      ? []
      : [{ apiVersion: 'a', kind: 'b', name: 'c', uid: owner, controller: true }];
  return {
    apiVersion: versions[kind] ?? 'v1',
    kind,
    metadata: { name, namespace: 'n', uid: `uid-${name}`, resourceVersion: '1', ownerReferences },
  };
}

async function ensure(
  objects: Objects,
  wanted: readonly KubeObject[],
  unwanted: readonly KubeObject[] = [],
): Promise<readonly string[]> {
  const owned = new OwnedObjects({ client: objects.client, clock });
  const hindrances = await owned.ensure('own', { objects: wanted, unwanted });
  return hindrances.map(({ reason }) => reason);
}

describe('OwnedObjects', () => {
  test('makes what is not there, and leaves alone what is of another', async () => {
    const objects = new Objects([
      objectOf('Service', 'b', 'other'),
      objectOf('Service', 'c', 'own'),
    ]);
    const wanted = ['a', 'b', 'c'].map((name) => objectOf('Service', name, 'own'));
    expect(await ensure(objects, wanted)).toEqual(['NameCollision']);
    expect(objects.calls).toEqual(['create a', 'apply c']);
  });

  test('a kind that is not installed is named, and the others are made all the same', async () => {
    const objects = new Objects([], ['PodMonitor']);
    const wanted = [objectOf('PodMonitor', 'a', 'own'), objectOf('Service', 'b', 'own')];
    expect(await ensure(objects, wanted)).toEqual(['KindMissing']);
    expect(objects.calls).toEqual(['create b']);
    // A kind of Kubernetes itself is never missing: something else is wrong.
    const broken = new Objects([], ['Service']);
    await expect(ensure(broken, [objectOf('Service', 'b', 'own')])).rejects.toThrow(/no such kind/);
  });

  test('what is not wanted goes, but not what is of another', async () => {
    const mine = objectOf('PodDisruptionBudget', 'a', 'own');
    const strange = objectOf('PodDisruptionBudget', 'b', 'other');
    const objects = new Objects([mine, strange]);
    await ensure(objects, [], [mine, strange, objectOf('PodDisruptionBudget', 'c')]);
    expect(objects.calls).toEqual(['delete a uid-a']);
  });

  test('a PodMonitor, which may not be deleted, scrapes nothing any more', async () => {
    const monitor = {
      ...objectOf('PodMonitor', 'a', 'own'),
      spec: { podMetricsEndpoints: [{ port: 'ops' }] },
    };
    const objects = new Objects([monitor]);
    await ensure(objects, [], [monitor]);
    expect(objects.calls).toEqual(['patch a {"spec":{"podMetricsEndpoints":[]}}']);
    const silent = { ...monitor, spec: { podMetricsEndpoints: [] } };
    const quiet = new Objects([silent]);
    await ensure(quiet, [], [silent]);
    expect(quiet.calls).toEqual([]);
  });
});
