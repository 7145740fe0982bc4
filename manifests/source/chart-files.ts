/**
 * Files of the charts that are made from others: the CRD and the admission policies as templates,
 * alerts and dashboards as files, and the schema of the cluster chart's values, which is the CRD's
 * schema of `spec`, so that a wrong value is refused before anything is sent.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { clusterPage, operatorPage } from './chart-pages.ts';
import { chartReadme } from './chart-readme.ts';
import { operatorValuesSchema } from './operator-values-schema.ts';

const root = join(import.meta.dirname, '..', '..');
const crdPath = 'crds/dynamoclusters.dynakv.dev.yaml';
const policiesPath = 'manifests/admission-policies.yaml';
const operatorChart = 'charts/dynakv-operator';
const clusterChart = 'charts/dynakv-cluster';

interface Schema {
  readonly [key: string]: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

interface CustomResourceDefinition {
  readonly spec: {
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Helm would take `{{` for its own. */
function plain(path: string): string {
  const text = read(path);
  if (text.includes('{{')) {
    throw new Error(`Cannot make a template of ${path}: it contains "{{"`);
  }
  return text;
}

function crdTemplate(): string {
  const keep =
    'metadata:\n  {{- if .Values.crds.keep }}\n  annotations:\n' +
    '    helm.sh/resource-policy: keep\n  {{- end }}\n';
  const text = plain(crdPath).replace(/^metadata:\n/m, () => keep);
  return `{{- if .Values.crds.enabled }}\n${text}{{- end }}\n`;
}

function policiesTemplate(): string {
  return `{{- if .Values.admissionPolicies.enabled }}\n${plain(policiesPath)}{{- end }}\n`;
}

/** Words of OpenAPI that JSON Schema shares. */
const kept: ReadonlySet<string> = new Set([
  ...['type', 'description', 'enum', 'pattern', 'required', 'minimum', 'maximum'],
  ...['minLength', 'maxLength', 'minItems', 'maxItems', 'uniqueItems'],
]);

/** The CRD's schema of a field as JSON Schema: unknown fields are refused. */
function jsonSchema(schema: Schema): Schema {
  const entries = Object.entries(schema).filter(([key]) => kept.has(key));
  const { properties, items, additionalProperties } = schema;
  const isEither = schema['x-kubernetes-int-or-string'] === true;
  return {
    ...Object.fromEntries(entries),
    ...(isEither ? { type: ['integer', 'string'] } : {}),
    ...(items === undefined ? {} : { items: jsonSchema(items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, each]) => [name, jsonSchema(each)]),
          ),
          additionalProperties: false,
        }),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: jsonSchema(additionalProperties as Schema) }
      : {}),
  };
}

function clusterValuesSchema(): object {
  const crd = parse(read(crdPath)) as CustomResourceDefinition;
  const spec = crd.spec.versions[0]?.schema.openAPIV3Schema.properties?.['spec'] ?? {};
  const texts = { type: 'object', additionalProperties: { type: 'string' } };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: false,
    properties: {
      global: { type: 'object' },
      nameOverride: { type: 'string', maxLength: 40 },
      labels: texts,
      annotations: texts,
      spec: jsonSchema(spec),
      test: {
        type: 'object',
        additionalProperties: false,
        properties: { image: { type: 'string' } },
      },
    },
  };
}

function readme(chart: string, body: string): string {
  const facts = parse(read(`${chart}/Chart.yaml`)) as { name: string; description: string };
  return chartReadme({ ...facts, body, values: read(`${chart}/values.yaml`) });
}

function json(object: object): string {
  return `${JSON.stringify(object, null, 2)}\n`;
}

/** Path → text. `alerts`: rule groups as YAML; `dashboards`: name → JSON. */
export function chartFiles(
  alerts: string,
  dashboards: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const boards = [...dashboards].map(
    ([name, text]) => [`${operatorChart}/files/dashboards/${name}.json`, text] as const,
  );
  return new Map([
    ...boards,
    [`${operatorChart}/files/alerts.yaml`, alerts],
    [`${operatorChart}/templates/crds/dynamoclusters.dynakv.dev.yaml`, crdTemplate()],
    [`${operatorChart}/templates/admission-policies.yaml`, policiesTemplate()],
    [`${operatorChart}/values.schema.json`, json(operatorValuesSchema())],
    [`${operatorChart}/README.md`, readme(operatorChart, operatorPage)],
    [`${clusterChart}/values.schema.json`, json(clusterValuesSchema())],
    [`${clusterChart}/README.md`, readme(clusterChart, clusterPage)],
  ]);
}
