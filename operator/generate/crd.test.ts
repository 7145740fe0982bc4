/**
 * The generator on types of its own: what it must carry over, and what it must refuse rather than
 * leave out. That the committed files are what it gives is `make crds-check`.
 */
import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { objectSchema } from './field-schema.ts';
import type { Schema } from './field-schema.ts';
import { readShapes } from './main.ts';
import { clusterField, customResourceDefinition } from './crd.ts';
import { TypeShapes } from './type-shapes.ts';

function schemaOf(members: string): Schema {
  const folder = mkdtempSync(join(tmpdir(), 'dynakv-crd-'));
  try {
    const path = join(folder, 'types.ts');
    writeFileSync(path, `export interface A {\n${members}\n}\n`);
    return objectSchema(new TypeShapes([path]).object('A'), 'a');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every schema below one, with its path. */
function* walk(schema: Schema, path: string): Generator<readonly [string, Schema]> {
  yield [path, schema];
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    yield* walk(inner, `${path}.${name}`);
  }
  if (typeof schema['items'] === 'object') {
    yield* walk(schema['items'] as Schema, `${path}[]`);
  }
}

describe('field schemas', () => {
  test('text, tags and rules are carried over; a field without default must be there', () => {
    const comment =
      '/** How\n * many.\n * @default 3\n * @minimum 1\n * @rule self > 0 => a.b\n * is bad\n */';
    expect(schemaOf(`${comment}\nreadonly b: number;\n/** C. */\nreadonly c: string;`)).toEqual({
      type: 'object',
      required: ['c'],
      properties: {
        b: {
          type: 'integer',
          format: 'int64',
          description: 'How many.',
          default: 3,
          minimum: 1,
          'x-kubernetes-validations': [
            {
              rule: 'self > 0',
              message: 'a.b is bad',
              messageExpression: "'a.b is bad: %s'.format([self])",
            },
          ],
        },
        c: { type: 'string', maxLength: 1_024, description: 'C.' },
      },
    });
  });

  test('what it cannot say is refused by name', () => {
    expect(() => schemaOf('readonly b: string;')).toThrow(/a\.b: it has no comment/);
    expect(() => schemaOf('/** B.\n * @minimun 1\n */\nreadonly b: number;')).toThrow(/"@minimun"/);
    expect(() => schemaOf('/** B. */\nreadonly b: bigint;')).toThrow(/A\.b: unknown type bigint/);
    expect(() => schemaOf('/** B. */\nreadonly b: Absent;')).toThrow(/type "Absent"/);
    expect(() => schemaOf('/** B.\n * @rule self > 0\n */\nreadonly b: number;')).toThrow(/"=>"/);
  });
});

describe('the CRD', () => {
  const shapes = readShapes();
  const { spec } = customResourceDefinition(shapes) as unknown as {
    spec: { versions: readonly [{ schema: { openAPIV3Schema: Schema } }] };
  };
  const root = spec.versions[0].schema.openAPIV3Schema;

  test('an object of the spec without default has no field with one: it would never be filled', () => {
    const hidden = [...walk(root.properties?.['spec'] ?? {}, 'spec')]
      .filter(([path, schema]) => !path.endsWith('[]') && schema['default'] === undefined)
      .flatMap(([path, schema]) =>
        Object.entries(schema.properties ?? {})
          .filter(([, inner]) => inner['default'] !== undefined)
          .map(([name]) => `${path}.${name}`),
      );
    expect(hidden).toEqual([]);
  });

  test('every text, list and map has a bound, or a rule may cost too much', () => {
    const unbound = [...walk(root.properties?.['spec'] ?? {}, 'spec')].filter(([, schema]) => {
      switch (schema['type']) {
        case 'string':
          return schema['maxLength'] === undefined && schema['enum'] === undefined;
        case 'array':
          return schema['maxItems'] === undefined;
        default:
          return (
            schema['additionalProperties'] !== undefined && schema['maxProperties'] === undefined
          );
      }
    });
    expect(unbound.map(([path]) => path)).toEqual([]);
  });

  test('what a rule reads without has() is always there', () => {
    const problems: string[] = [];
    for (const [path, schema] of walk(root, '')) {
      const rules = (schema['x-kubernetes-validations'] ?? []) as readonly { rule: string }[];
      for (const { rule } of rules) {
        for (const [, name = ''] of rule.matchAll(/\bself\.([a-zA-Z]+)\b(?!\()/g)) {
          const field = schema.properties?.[name];
          const guarded = rule.includes(`has(self.${name}`);
          if (field !== undefined && field['default'] === undefined && !guarded) {
            problems.push(`${path}: ${rule}: self.${name} may be absent`);
          }
        }
      }
    }
    expect(problems.filter((problem) => !problem.includes('self.metadata'))).toEqual([]);
  });

  test('both halves of the object are found', () => {
    expect(clusterField(shapes, 'spec').notes.text).toMatch(/^What is wanted/);
    expect(clusterField(shapes, 'status').optional).toBe(true);
  });
});
