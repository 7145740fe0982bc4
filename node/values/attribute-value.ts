/**
 * DynamoDB attribute values in their wire shape (JSON): one property naming the type.
 * After validation (`parse-item.ts`): numbers are canonical decimal text, binaries are canonical
 * base64, sets are free of duplicates. Source: DynamoDB API reference, AttributeValue.
 */

export type AttributeValue =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly B: string }
  | { readonly BOOL: boolean }
  | { readonly NULL: true }
  | { readonly SS: readonly string[] }
  | { readonly NS: readonly string[] }
  | { readonly BS: readonly string[] }
  | { readonly L: readonly AttributeValue[] }
  | { readonly M: Item };

/** Attribute name → value. An own-property map: read with `Object.hasOwn`, it may hold any name. */
export type Item = Readonly<{ [name: string]: AttributeValue }>;

export type AttributeType = 'S' | 'N' | 'B' | 'BOOL' | 'NULL' | 'SS' | 'NS' | 'BS' | 'L' | 'M';

/** The types a key attribute may have. */
export type KeyType = 'S' | 'N' | 'B';

/** The type of a value: its only property. */
export function typeOf(value: AttributeValue): AttributeType {
  for (const name in value) {
    return name as AttributeType;
  }
  throw new TypeError('An attribute value must have a type');
}
