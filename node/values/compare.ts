/**
 * Equality and order of validated attribute values, as conditions and sort keys see them.
 * Strings order by UTF-8 bytes, binaries by unsigned bytes, numbers by value; other types have
 * no order. Sets are equal whatever their order. Source: DynamoDB developer guide, "Comparison
 * operator and function reference".
 */
import type { AttributeValue, Item } from './attribute-value.ts';
import { compareNumbers } from './number.ts';

/** Moves surrogates above the rest of the basic plane, where UTF-8 sorts them. */
function utf8Rank(unit: number): number {
  if (unit < 0xd800) {
    return unit;
  }
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Orders two strings as their UTF-8 bytes would: −1, 0 or 1. */
export function compareText(a: string, b: string): number {
  if (a === b) {
    return 0;
  }
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) {
      return utf8Rank(left) < utf8Rank(right) ? -1 : 1;
    }
  }
  return a.length < b.length ? -1 : 1;
}

/** Orders two canonical base64 texts by the bytes they stand for. */
export function compareBinary(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a, 'base64'), Buffer.from(b, 'base64'));
}

/** −1, 0 or 1; undefined if the types differ or have no order. */
export function compareValues(a: AttributeValue, b: AttributeValue): number | undefined {
  if ('S' in a && 'S' in b) {
    return compareText(a.S, b.S);
  }
  if ('N' in a && 'N' in b) {
    return compareNumbers(a.N, b.N);
  }
  if ('B' in a && 'B' in b) {
    return compareBinary(a.B, b.B);
  }
  return undefined;
}

/** Canonical members make equal members equal texts. */
function equalSets(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) {
    return false;
  }
  const members = new Set(a);
  return b.every((member) => members.has(member));
}

function equalItems(a: Item, b: Item): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) {
    return false;
  }
  return names.every((name) => {
    const left = a[name];
    const right = Object.hasOwn(b, name) ? b[name] : undefined;
    return left !== undefined && right !== undefined && equalValues(left, right);
  });
}

function equalLists(a: readonly AttributeValue[], b: readonly AttributeValue[]): boolean {
  return (
    a.length === b.length &&
    a.every((left, i) => {
      const right = b[i];
      return right !== undefined && equalValues(left, right);
    })
  );
}

/** Deep equality; values of different types are never equal. */
export function equalValues(a: AttributeValue, b: AttributeValue): boolean {
  if ('S' in a) {
    return 'S' in b && a.S === b.S;
  }
  if ('N' in a) {
    return 'N' in b && a.N === b.N;
  }
  if ('B' in a) {
    return 'B' in b && a.B === b.B;
  }
  if ('BOOL' in a) {
    return 'BOOL' in b && a.BOOL === b.BOOL;
  }
  if ('NULL' in a) {
    return 'NULL' in b;
  }
  if ('SS' in a) {
    return 'SS' in b && equalSets(a.SS, b.SS);
  }
  if ('NS' in a) {
    return 'NS' in b && equalSets(a.NS, b.NS);
  }
  if ('BS' in a) {
    return 'BS' in b && equalSets(a.BS, b.BS);
  }
  if ('L' in a) {
    return 'L' in b && equalLists(a.L, b.L);
  }
  return 'M' in b && equalItems(a.M, b.M);
}
