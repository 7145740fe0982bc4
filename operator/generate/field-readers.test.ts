/**
 * Every field of the spec has an effect. Method: a spec that notes which of its fields are asked
 * for goes through everything that the operator does with one: objects, certificates, a whole life
 * of a planned cluster, status; a field of the schema that nobody asked for is a promise not kept.
 */
import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ClusterSpec } from '../api/cluster-spec.ts';
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import { clientCertificateNames } from '../desired/certificate-names.ts';
import { buildDesiredObjects } from '../desired/desired-objects.ts';
import { imageOf } from '../desired/image.ts';
import { TestingWorld } from '../plan/testing-world.ts';
import { computeStatus } from '../status/cluster-status.ts';
import { testingCluster } from '../test/testing-cluster.ts';
import { admissionPolicies } from './admission-policies.ts';
import { clusterField } from './crd.ts';
import { fieldSchema } from './field-schema.ts';
import type { Schema } from './field-schema.ts';
import { readShapes } from './main.ts';

/** Fields that the API server acts on, with the reason. */
const readElsewhere: Readonly<Record<string, string>> = {
  deletionProtection: 'the policy dynakv-deletion-protection',
  'resources.limits.memory': 'a rule: it must be what is requested, and limits are set to that',
};

/** Fields without fields of their own: `update.mode`. */
function leavesOf(schema: Schema, path: string): readonly string[] {
  const fields = Object.entries(schema.properties ?? {});
  return fields.length === 0
    ? [path]
    : fields.flatMap(([name, field]) => leavesOf(field, path === '' ? name : `${path}.${name}`));
}

/** The same value, that notes what is asked for. A map or a list is one field. */
function noting<T>(value: T, path: string, seen: Set<string>): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return value;
  }
  return new Proxy(value, {
    get(target, name) {
      const inner = Reflect.get(target, name) as unknown;
      if (typeof name !== 'string') {
        return inner;
      }
      const place = path === '' ? name : `${path}.${name}`;
      seen.add(place);
      return noting(inner, place, seen);
    },
  });
}

/** Fields that say what the others are not asked for without. */
const unusual = {
  image: { tag: '1.2.3', digest: `sha256:${'0'.repeat(64)}` },
  storage: { retention: { whenScaled: 'Delete', whenDeleted: 'Delete' } },
  rebalance: { maxConcurrentMoves: 3, maxBytesPerSecond: '10Mi', deadNodeGraceSeconds: 60 },
  tls: { client: { mode: 'Secret', secretName: 'own' } },
};

function render(cluster: DynamoCluster): void {
  const image = imageOf(cluster.spec, { defaultVersion: '1.0.0' });
  // A hash would ask for everything.
  const context = { cluster, image, operatorNamespace: 'operators', hash: () => 'hash' };
  buildDesiredObjects(context, { isQuorumAtRisk: false });
  clientCertificateNames(cluster);
}

/** Created, grown, rolled and shrunk with volumes deleted; told in between. */
function live(spec: ClusterSpec): void {
  const of = (replicas: number): ClusterSpec => noted({ ...spec, replicas });
  const world = new TestingWorld(of(4));
  // The database has these already: the model takes no change of them.
  const settings = { rebalanceMode: 'Auto', concurrentMovesMax: 3, deadNodeGraceMs: 60_000 };
  const rest = { snapshotBytesPerSecond: 10 * 2 ** 20, replicationFactor: 3, revision: 1 };
  world.memory = { ...world.memory, settings: { ...settings, ...rest } };
  const settled = (): void => world.run('a settled cluster', () => world.isSettled());
  settled();
  computeStatus(world.observe(), world.report);
  world.spec = of(5);
  settled();
  world.wantedHash = 'v2';
  settled();
  world.badHashes.add('v3');
  world.wantedHash = 'v3';
  world.run('it stops', () => world.report.updateBlocked !== undefined);
  computeStatus(world.observe(), world.report);
  world.wantedHash = 'v4';
  settled();
  world.spec = of(3);
  settled();
  world.run('volumes are gone', () => world.claims.size === 3);
}

const asked = new Set<string>();
const noted = <T>(spec: T): T => noting(spec, '', asked);

test('no field of the schema is without a reader', () => {
  const schema = fieldSchema(clusterField(readShapes(), 'spec'), '');
  const leaves = leavesOf(schema, '');
  const file = join(import.meta.dirname, '../desired/testdata/full.spec.yaml');
  const full = parse(readFileSync(file, 'utf8')) as object;
  for (const spec of [{}, full, unusual]) {
    const cluster = testingCluster(spec);
    render({ ...cluster, spec: noted(cluster.spec) });
  }
  const { spec } = testingCluster({
    ...{ shards: 8, scaleDown: { stabilizationSeconds: 0 }, update: { minReadySeconds: 1 } },
    ...{ storage: unusual.storage, rebalance: unusual.rebalance },
  });
  live(spec);
  expect(leaves.length).toBeGreaterThan(40);
  const unread = leaves.filter((leaf) => !asked.has(leaf));
  expect(unread.sort()).toEqual(Object.keys(readElsewhere).sort());
  expect(JSON.stringify(admissionPolicies())).toContain('oldObject.spec.deletionProtection');
});

test('a field that nobody reads is found', () => {
  const seen = new Set<string>();
  const spec = noting({ a: { b: 1, c: { x: 'y' } }, d: [1] }, '', seen);
  expect({ ...spec.a.c }).toEqual({ x: 'y' });
  const schema = { properties: { a: { properties: { b: {}, c: {} } }, d: {} } };
  expect(leavesOf(schema, '').filter((leaf) => !seen.has(leaf))).toEqual(['a.b', 'd']);
});
