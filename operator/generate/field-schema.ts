/**
 * The OpenAPI schema of a field, from its shape and its tags. Bounds stand on every text and list,
 * or the API server refuses a rule as too costly. An unknown tag is refused.
 */
import { nodeOptionNames } from '../api/node-options.ts';
import type { Field, Notes, Shape } from './type-shapes.ts';

export interface Schema {
  readonly [word: string]: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Rule {
  readonly rule: string;
  /** Without values: for the page of fields, and where the expression fails. */
  readonly message: string;
  /** With the values that are wrong, as the API server itself names but their types. */
  readonly messageExpression?: string;
}

/** Longest key of a label or annotation: prefix, slash and name. */
const quantityCharactersMax = 32;
/** A text without a bound of its own. */
const textCharactersMax = 1_024;

const numberTags = new Set([
  ...['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'maxProperties'],
]);
const textTags = new Set(['pattern', 'format']);

function oneTag(notes: Notes, name: string): string | undefined {
  return notes.tags.find((tag) => tag.name === name)?.value;
}

/** A sentence that ends with values, each an expression in braces: `… too low: {self}`. */
function ruleOf(rule: string, sentence: string): Rule {
  const [message = '', values] = sentence.split(/: (?=[^:]*\{)/);
  if (values === undefined) {
    return { rule, message };
  }
  // One call: the API server knows no bound of a text that is put together, and refuses its cost.
  const text = `${message}: ${values.replaceAll('%', '%%').replace(/\{[^}]*\}/g, '%s')}`;
  const inner = [...values.matchAll(/\{([^}]*)\}/g)].map(([, expression = '']) => expression);
  const messageExpression = `'${text.replaceAll("'", "\\'")}'.format([${inner.join(', ')}])`;
  return { rule, message, messageExpression };
}

/** `@rule CEL => sentence`; about a plain value, the sentence ends with that value. */
function writtenRule(value: string, path: string, isPlain: boolean): Rule {
  const at = value.indexOf(' => ');
  if (at < 0) {
    throw new Error(`Cannot read a rule of ${path}: "=>" is missing: ${value}`);
  }
  return ruleOf(value.slice(0, at), `${value.slice(at + 4)}${isPlain ? ': {self}' : ''}`);
}

function quantityRules(path: string, bounds: string): Rule[] {
  const [least = '0', most] = bounds.split(' ');
  const compared = (bound: string, comparison: string): string =>
    `!isQuantity(self) || quantity(self).compareTo(quantity('${bound}')) ${comparison} 0`;
  return [
    ruleOf('isQuantity(self)', `${path} must be a quantity such as 500m, 2 or 10Gi: {self}`),
    ruleOf(compared(least, '>='), `${path} must be at least ${least}: {self}`),
    ...(most === undefined
      ? []
      : [ruleOf(compared(most, '<='), `${path} must be at most ${most}: {self}`)]),
  ];
}

function rulesOf(notes: Notes, path: string, isPlain: boolean): Rule[] {
  return notes.tags.flatMap(({ name, value }) => {
    switch (name) {
      case 'rule':
        return [writtenRule(value, path, isPlain)];
      case 'immutable':
        return [ruleOf('self == oldSelf', `${path} cannot be changed: {self}, it is {oldSelf}`)];
      case 'quantity':
        return quantityRules(path, value);
      case 'optionNames':
        return [
          {
            rule: `self.all(name, name in [${nodeOptionNames.map((each) => `'${each}'`).join(', ')}])`,
            message: `${path} may only have these options: ${nodeOptionNames.join(', ')}`,
          },
        ];
      default:
        return [];
    }
  });
}

/** What the tags add to the schema of the field itself. */
function tagged(notes: Notes, path: string): Record<string, unknown> {
  const words: Record<string, unknown> = {};
  for (const { name, value } of notes.tags) {
    if (numberTags.has(name)) {
      words[name] = Number(value);
    } else if (textTags.has(name)) {
      words[name] = value;
    } else if (name === 'default') {
      words['default'] = JSON.parse(value) as unknown;
    } else if (name === 'set') {
      words['x-kubernetes-list-type'] = 'set';
    } else if (name === 'listMap') {
      words['x-kubernetes-list-type'] = 'map';
      words['x-kubernetes-list-map-keys'] = [value];
    } else if (name === 'quantity') {
      words['maxLength'] = quantityCharactersMax;
    } else if (!knownElsewhere.has(name)) {
      throw new Error(`Cannot use the tag "@${name}" of ${path}: it is unknown`);
    }
  }
  return words;
}

const knownElsewhere = new Set([
  ...['rule', 'immutable', 'optionNames', 'valueMaxLength', 'itemMaxLength'],
]);

function textSchema(choices: readonly string[], lengthMax: number): Schema {
  return choices.length > 0
    ? { type: 'string', enum: choices }
    : { type: 'string', maxLength: lengthMax };
}

function shapeSchema(shape: Shape, notes: Notes, path: string): Schema {
  const lengthOf = (tag: string): number => Number(oneTag(notes, tag) ?? textCharactersMax);
  switch (shape.kind) {
    case 'object':
      return objectSchema(shape, path);
    case 'map':
      return {
        type: 'object',
        additionalProperties: textSchema([], lengthOf('valueMaxLength')),
        'x-kubernetes-map-type': 'granular',
      };
    case 'array': {
      const item =
        shape.item.kind === 'string'
          ? textSchema(shape.item.choices, lengthOf('itemMaxLength'))
          : shapeSchema(shape.item, notes, `${path}[]`);
      return { type: 'array', items: item, 'x-kubernetes-list-type': 'atomic' };
    }
    case 'string':
      return textSchema(shape.choices, textCharactersMax);
    case 'integer':
      return { type: 'integer', format: 'int64' };
    case 'boolean':
      return { type: 'boolean' };
  }
}

/** The schema of an object: its fields, which of them must be there, and its rules. */
export function objectSchema(shape: Shape & { kind: 'object' }, path: string): Schema {
  const isRequired = ({ optional, notes }: Field): boolean =>
    !optional && oneTag(notes, 'default') === undefined;
  const required = shape.fields.filter(isRequired).map(({ name }) => name);
  const rules = rulesOf(shape.notes, path, false);
  return {
    ...(shape.notes.text === '' ? {} : { description: shape.notes.text }),
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(
      shape.fields.map((field) => [field.name, fieldSchema(field, path)]),
    ),
    ...withRules(rules),
  };
}

/** The schema of one field of an object at `path`. */
export function fieldSchema({ name, notes, shape }: Field, parent: string): Schema {
  const path = parent === '' ? name : `${parent}.${name}`;
  if (notes.text === '') {
    throw new Error(`Cannot describe ${path}: it has no comment`);
  }
  const schema = shapeSchema(shape, notes, path);
  const inner = (schema['x-kubernetes-validations'] as Rule[] | undefined) ?? [];
  const words = tagged(notes, path);
  const isPlain = shape.kind === 'string' || shape.kind === 'integer';
  return {
    ...schema,
    description: notes.text,
    ...words,
    // The API server judges a default by the rules without filling it in first.
    ...(inner.length > 0 && words['default'] !== undefined ? { default: filled(schema) } : {}),
    ...withRules([...inner, ...rulesOf(notes, path, isPlain)]),
  };
}

/** An object of nothing but its fields' defaults. */
function filled(schema: Schema): unknown {
  const known = Object.entries(schema.properties ?? {}).filter(
    ([, field]) => field['default'] !== undefined,
  );
  return Object.fromEntries(
    known.map(([name, field]) => [
      name,
      field.properties === undefined ? field['default'] : filled(field),
    ]),
  );
}

function withRules(rules: readonly Rule[]): object {
  return rules.length === 0 ? {} : { 'x-kubernetes-validations': rules };
}
