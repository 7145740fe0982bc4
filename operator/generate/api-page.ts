/** `operator/docs/api.md`: every field of a DynamoCluster with its default and its rules. */
import { conditionTypes, reasons } from '../api/conditions.ts';
import { clusterKind } from '../api/dynamo-cluster.ts';
import { fieldSchema, objectSchema } from './field-schema.ts';
import type { Schema } from './field-schema.ts';
import { clusterField } from './crd.ts';
import type { Field, Shape, TypeShapes } from './type-shapes.ts';

interface Row {
  readonly path: string;
  readonly field: Field;
  readonly schema: Schema;
}

function* rowsOf(field: Field, schema: Schema, path: string): Generator<Row> {
  yield { path, field, schema };
  const listed = field.shape.kind === 'array';
  const shape: Shape = field.shape.kind === 'array' ? field.shape.item : field.shape;
  if (shape.kind === 'object') {
    const inner = (listed ? (schema['items'] as Schema) : schema).properties ?? {};
    for (const child of shape.fields) {
      const at = `${path}${listed ? '[]' : ''}.${child.name}`;
      yield* rowsOf(child, inner[child.name] ?? {}, at);
    }
  }
}

function kindOf(shape: Shape): string {
  switch (shape.kind) {
    case 'string':
      return shape.choices.length === 0 ? 'text' : shape.choices.map(code).join(', ');
    case 'array':
      return `list of ${shape.item.kind === 'object' ? 'objects' : kindOf(shape.item)}`;
    case 'map':
      return 'map of texts';
    default:
      return shape.kind;
  }
}

const code = (text: string): string => `\`${text}\``;

function boundsOf(schema: Schema): string[] {
  const words: readonly (readonly [string, string])[] = [
    ['minimum', 'at least'],
    ['maximum', 'at most'],
    ['minLength', 'characters at least'],
    ['maxItems', 'entries at most'],
    ['maxProperties', 'entries at most'],
    ['pattern', 'matches'],
    ['format', ''],
  ];
  return words.flatMap(([word, said]) => {
    const value = schema[word];
    const shown = typeof value === 'number' || typeof value === 'string' ? String(value) : 'int64';
    return shown === 'int64' ? [] : [`${said} ${code(shown)}`.trim()];
  });
}

function rulesOf(schema: Schema): string[] {
  const rules = (schema['x-kubernetes-validations'] ?? []) as readonly { message: string }[];
  return rules.map(({ message }) => message);
}

function tableRow({ path, field, schema }: Row): string {
  const shown = schema['default'];
  const cells = [
    code(path),
    kindOf(field.shape),
    shown === undefined || JSON.stringify(shown) === '{}' ? '' : code(JSON.stringify(shown)),
    field.notes.text,
    [...boundsOf(schema), ...rulesOf(schema)].join('; '),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function tableOf(shapes: TypeShapes, name: 'spec' | 'status'): string[] {
  const field = clusterField(shapes, name);
  const [, ...rows] = [...rowsOf(field, fieldSchema(field, ''), name)];
  return [
    '| field | values | default | meaning | rules |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(tableRow),
  ];
}

export function apiPage(shapes: TypeShapes): string {
  const rules = rulesOf(objectSchema({ ...shapes.object(clusterKind), fields: [] }, ''));
  return [
    '# DynamoCluster',
    '',
    'Generated from `operator/api` by `make crds`. `kubectl explain dkv.spec` shows the same. Fields',
    'that are left out get their default from the API server; nothing is ever written into a spec.',
    '',
    '## Rules of the whole object',
    '',
    ...rules.map((rule) => `- ${rule}`),
    '',
    '## Spec',
    '',
    ...tableOf(shapes, 'spec'),
    '',
    '## Status',
    '',
    ...tableOf(shapes, 'status'),
    '',
    '## Conditions',
    '',
    `Each is True, False or Unknown, and names the generation that it was judged at: ${Object.values(
      conditionTypes,
    )
      .map(code)
      .join(', ')}.`,
    '',
    '| reason | meaning |',
    '| --- | --- |',
    ...Object.entries(reasons).map(([reason, meaning]) => `| ${code(reason)} | ${meaning} |`),
    '',
  ].join('\n');
}
