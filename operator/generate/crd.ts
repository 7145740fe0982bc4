/**
 * The CustomResourceDefinition of DynamoCluster, made of the types in `operator/api`. Status and
 * scale are subresources; the columns are what `kubectl get dkv` shows.
 */
import { apiGroup, clusterKind } from '../api/dynamo-cluster.ts';
import type { KubeObject } from '../api/kube-object.ts';
import { fieldSchema, objectSchema } from './field-schema.ts';
import type { Schema } from './field-schema.ts';
import type { Field, TypeShapes } from './type-shapes.ts';

const plural = 'dynamoclusters';

interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: with `-o wide` alone. */
  readonly priority?: 1;
}

const readyMessage = '.status.conditions[?(@.type=="Ready")].message';

const columns: readonly Column[] = [
  column('Phase', 'string', '.status.phase', 'One word for people'),
  column('Ready', 'integer', '.status.readyReplicas', 'Pods that are Ready'),
  column('Desired', 'integer', '.spec.replicas', 'Nodes that are wanted'),
  column('Version', 'string', '.status.version', 'What the nodes run'),
  column('Shards', 'integer', '.status.shards.total', 'Shards of the data'),
  column(
    'Under-Replicated',
    'integer',
    '.status.shards.underReplicated',
    'Shards with fewer copies than wanted',
  ),
  { ...column('Endpoint', 'string', '.status.endpoint', 'URL for clients'), priority: 1 },
  { ...column('Message', 'string', readyMessage, 'Why it is Ready or not'), priority: 1 },
  column('Age', 'date', '.metadata.creationTimestamp', 'Since it was created'),
];

function column(name: string, type: Column['type'], jsonPath: string, description: string): Column {
  return { name, type, jsonPath, description };
}

/** A field of the object that the types of this repository describe. */
export function clusterField(shapes: TypeShapes, name: 'spec' | 'status'): Field {
  const found = shapes.object(clusterKind).fields.find((field) => field.name === name);
  if (found === undefined) {
    throw new Error(`Cannot find "${name}" of ${clusterKind}`);
  }
  return found;
}

function openApiSchema(shapes: TypeShapes): Schema {
  const root = objectSchema({ ...shapes.object(clusterKind), fields: [] }, '');
  return {
    ...root,
    description: 'A database cluster of DynaKV, run by the operator.',
    properties: {
      apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
      kind: { type: 'string', description: 'Kind of this object.' },
      metadata: { type: 'object' },
      spec: fieldSchema(clusterField(shapes, 'spec'), ''),
      status: fieldSchema(clusterField(shapes, 'status'), ''),
    },
  };
}

export function customResourceDefinition(shapes: TypeShapes): KubeObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${apiGroup}`,
      labels: { 'app.kubernetes.io/name': 'dynakv-operator' },
    },
    spec: {
      group: apiGroup,
      scope: 'Namespaced',
      names: {
        kind: clusterKind,
        listKind: `${clusterKind}List`,
        plural,
        singular: 'dynamocluster',
        shortNames: ['dkv'],
        categories: ['all'],
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          additionalPrinterColumns: columns,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.replicas',
              statusReplicasPath: '.status.replicas',
              labelSelectorPath: '.status.selector',
            },
          },
          schema: { openAPIV3Schema: openApiSchema(shapes) },
        },
      ],
    },
  };
}
