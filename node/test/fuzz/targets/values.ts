/**
 * Attribute values and keys: an input is the JSON text of one item.
 *
 * Promise: an item is taken, or refused as a `ValidationProblem`. What was taken keeps its text
 * and size when read back; each string, number and binary in it becomes a key and comes back, and
 * keys sort as their values do.
 */
import { deepStrictEqual } from 'node:assert';
import { assert } from '../../../lib/assert.ts';
import { isDynakvError } from '../../../lib/errors.ts';
import type { Prng } from '../../../lib/prng.ts';
import type { AttributeValue, Item, KeyType } from '../../../values/attribute-value.ts';
import { itemText, readItemText } from '../../../values/canonical-json.ts';
import { compareValues } from '../../../values/compare.ts';
import { itemSize } from '../../../values/item-size.ts';
import { decodeKeyValue, encodeKeyValue } from '../../../values/key-encoding.ts';
import { parseItem } from '../../../values/parse-item.ts';
import { isValidationProblem } from '../../../values/validation-problem.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { shapeOf } from '../fuzz-target.ts';

const keyTypes: readonly KeyType[] = ['S', 'N', 'B'];
const keysMax = 8;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

interface FoundKey {
  readonly type: KeyType;
  readonly value: AttributeValue;
  readonly bytes: Buffer;
}

function keysOf(item: Item): FoundKey[] {
  const keys: FoundKey[] = [];
  for (const value of Object.values(item).slice(0, keysMax)) {
    for (const type of keyTypes) {
      const text = (value as Partial<Record<KeyType, string>>)[type];
      if (text !== undefined) {
        const bytes = encodeKeyValue(type, text);
        deepStrictEqual(decodeKeyValue(type, bytes), { value: text, end: bytes.length });
        keys.push({ type, value, bytes });
      }
    }
  }
  return keys;
}

function readItem(json: unknown): string {
  let item: Item;
  try {
    item = parseItem(json);
  } catch (error) {
    if (!isValidationProblem(error)) {
      throw error;
    }
    return shapeOf(`${error.kind}: ${error.message}`);
  }
  const text = itemText(item);
  const again = readItemText(text);
  deepStrictEqual(itemText(again), text);
  deepStrictEqual(itemSize(again), itemSize(item));
  deepStrictEqual(itemText(parseItem(again)), text);
  const keys = keysOf(item);
  for (const a of keys) {
    for (const b of keys.filter((each) => each.type === a.type)) {
      const expected = Math.sign(compareValues(a.value, b.value) ?? 0);
      assert(Math.sign(a.bytes.compare(b.bytes)) === expected, 'Keys sort as their values do');
    }
  }
  return `item of ${keys.map(({ type }) => type).join('')}`;
}

/** Any bytes as a key: read or refused. */
function readKeys(input: Buffer): string {
  const types = keyTypes.map((type) => {
    try {
      const { value, end } = decodeKeyValue(type, input);
      assert(end <= input.length, 'A key ends in its bytes');
      return value.length > 0 ? type : '';
    } catch (error) {
      if (!isDynakvError(error, 'BadFrame')) {
        throw error;
      }
      return '-';
    }
  });
  return types.join('');
}

function run(input: Buffer): string {
  const json = parseJson(input.toString('utf8'));
  return `${json === undefined ? 'no JSON' : readItem(json)} ${readKeys(input)}`;
}

const numbers = ['0', '-0', '1', '-1.50', '1e125', '-1e-130', '9.99999999999999999999E+10', '007'];

function drawValue(prng: Prng, depth: number): unknown {
  switch (prng.below(depth > 0 ? 10 : 8)) {
    case 0:
      return { S: prng.bytes(prng.below(12)).toString('latin1') };
    case 1:
      return { N: prng.pick(numbers) };
    case 2:
      return { N: String((prng.uint32() - 2 ** 31) / 10 ** prng.below(12)) };
    case 3:
      return { B: prng.bytes(prng.below(9)).toString('base64') };
    case 4:
      return prng.pick([{ BOOL: true }, { NULL: true }]);
    case 5:
      return { SS: ['a', `b${prng.below(9)}`] };
    case 6:
      return { NS: ['1', `${2 + prng.below(9)}`] };
    case 7:
      return { BS: ['AQ==', 'Ag=='] };
    case 8:
      return { L: [drawValue(prng, depth - 1), drawValue(prng, depth - 1)] };
    default:
      return { M: { x: drawValue(prng, depth - 1) } };
  }
}

function generate(prng: Prng): Buffer {
  const names = ['id', 'at', 'n', 'm', ''].slice(0, 1 + prng.below(4));
  const item = Object.fromEntries(names.map((name) => [name, drawValue(prng, 3)]));
  return Buffer.from(JSON.stringify(item), 'utf8');
}

const dictionary = [
  ...['{"S":"', '{"N":"', '{"B":"', '{"L":[', '{"M":{', '"}', ']}', '}}', '"SS":[', '"NS":["1"]'],
  ...['null', 'true', '"NULL":true', '__proto__', '\\u0000', '\\ud800', '\xef\xbf\xbf', 'E+', '-'],
  ...['1e126', '1e-131', '0.000000000000000000000000000000000000001', '==', '=', '\0\xff', '\0\0'],
];

export function values(): FuzzTarget {
  return { generate, dictionary, run };
}
