/**
 * Fills in the defaults of a schema as the API server does, and names fields that it does not know.
 * For tests and for the manifests that are checked without an API server; the rules themselves are
 * judged by a real one.
 */
import type { Schema } from './field-schema.ts';

/** The value with defaults; problems are collected by path. */
export function withDefaults(
  schema: Schema,
  value: unknown,
  path: string,
  problems: string[],
): unknown {
  if (Array.isArray(value)) {
    const items = schema['items'] as Schema;
    return value.map((item, place) => withDefaults(items, item, `${path}[${place}]`, problems));
  }
  if (typeof value !== 'object' || value === null) {
    const choices = schema['enum'] as readonly unknown[] | undefined;
    const typed = schema['type'] === 'integer' ? 'number' : schema['type'];
    if (typeof value !== typed || choices?.includes(value) === false) {
      problems.push(
        `${path}: ${JSON.stringify(value)} is no ${choices?.join(', ') ?? String(typed)}`,
      );
    }
    return value;
  }
  const { properties } = schema;
  if (properties === undefined) {
    return value;
  }
  const given = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given).filter((each) => properties[each] === undefined)) {
    problems.push(`${path}.${name}: unknown`);
  }
  const filled = Object.entries(properties).map(([name, field]) => {
    const found = given[name] ?? field['default'];
    const at = `${path}.${name}`;
    return [name, found === undefined ? undefined : withDefaults(field, found, at, problems)];
  });
  return Object.fromEntries(filled.filter(([, found]) => found !== undefined));
}
