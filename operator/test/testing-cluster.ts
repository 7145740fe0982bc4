/** For tests: a DynamoCluster as the API server hands it out, all defaults filled in. */
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import { apiVersion, clusterKind } from '../api/dynamo-cluster.ts';
import { clusterField } from '../generate/crd.ts';
import { fieldSchema } from '../generate/field-schema.ts';
import type { Schema } from '../generate/field-schema.ts';
import { readShapes } from '../generate/main.ts';
import { withDefaults } from '../generate/schema-defaults.ts';

let known: Schema | undefined;

/** Schema of `spec`, read once a process. */
function specSchema(): Schema {
  known ??= fieldSchema(clusterField(readShapes(), 'spec'), '');
  return known;
}

/** What is wrong with a spec, as far as its shape goes. */
export function specProblems(spec: unknown): readonly string[] {
  const problems: string[] = [];
  withDefaults(specSchema(), spec, 'spec', problems);
  return problems;
}

export function testingCluster(spec: unknown, name = 'demo'): DynamoCluster {
  const problems: string[] = [];
  const filled = withDefaults(specSchema(), spec, 'spec', problems);
  if (problems.length > 0) {
    throw new Error(`Cannot use this spec: ${problems.join('; ')}`);
  }
  return {
    apiVersion,
    kind: clusterKind,
    metadata: {
      name,
      namespace: 'default',
      uid: '6f0c9a0e-0000-4000-8000-000000000001',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: filled as DynamoCluster['spec'],
  };
}
