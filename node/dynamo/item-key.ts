/**
 * The key of an item under a table's schema: presence, type, emptiness and size, in DynamoDB's
 * words, which differ between a whole item (PutItem) and a bare key. Nothing else may stand in a
 * bare key. Source: observed answers of DynamoDB; developer guide, "Quotas".
 */
import type { KeyAttribute, TableRecord } from '../items/table.ts';
import { typeOf } from '../values/attribute-value.ts';
import type { AttributeValue, Item } from '../values/attribute-value.ts';
import {
  keyText,
  keyValueSize,
  partitionKeyBytesMax,
  sortKeyBytesMax,
} from '../values/key-encoding.ts';
import { invalidParameter, validationError } from './errors.ts';
import type { DynamoError } from './errors.ts';

/** Key values as text: S text, canonical N text or canonical base64. */
export interface ItemKey {
  readonly partition: string;
  readonly sort: string | undefined;
}

export function keyMismatch(): DynamoError {
  return validationError('The provided key element does not match the schema');
}

function attribute(item: Item, name: string): AttributeValue | undefined {
  return Object.hasOwn(item, name) ? item[name] : undefined;
}

function checkSize(key: KeyAttribute, text: string, isPartitionKey: boolean): void {
  const size = keyValueSize(key.type, text);
  if (isPartitionKey && size > partitionKeyBytesMax) {
    // The missing blank is DynamoDB's.
    throw invalidParameter(
      `Size of hashkey has exceeded the maximum size limit of${partitionKeyBytesMax} bytes`,
    );
  }
  if (!isPartitionKey && size > sortKeyBytesMax) {
    throw invalidParameter(
      `Aggregated size of all range keys has exceeded the size limit of ${sortKeyBytesMax} bytes`,
    );
  }
}

const emptyWords = { S: 'string', B: 'binary', N: 'number' } as const;

function emptyText(key: KeyAttribute): string {
  return `The AttributeValue for a key attribute cannot contain an empty ${emptyWords[key.type]} value. Key: ${key.name}`;
}

function keyOfItem(item: Item, key: KeyAttribute, isPartitionKey: boolean): string {
  const value = attribute(item, key.name);
  if (value === undefined) {
    throw invalidParameter(`Missing the key ${key.name} in the item`);
  }
  const text = keyText(key.type, value);
  if (text === undefined) {
    throw invalidParameter(
      `Type mismatch for key ${key.name} expected: ${key.type} actual: ${typeOf(value)}`,
    );
  }
  if (text === '') {
    throw validationError(`One or more parameter values are not valid. ${emptyText(key)}`);
  }
  checkSize(key, text, isPartitionKey);
  return text;
}

function keyOfKey(item: Item, key: KeyAttribute, isPartitionKey: boolean): string {
  const value = attribute(item, key.name);
  const text = value === undefined ? undefined : keyText(key.type, value);
  if (text === undefined) {
    throw keyMismatch();
  }
  if (text === '') {
    throw invalidParameter(emptyText(key));
  }
  checkSize(key, text, isPartitionKey);
  return text;
}

/** The key inside a whole item. */
export function keyFromItem(item: Item, table: TableRecord): ItemKey {
  const { partitionKey, sortKey } = table;
  return {
    partition: keyOfItem(item, partitionKey, true),
    sort: sortKey === undefined ? undefined : keyOfItem(item, sortKey, false),
  };
}

/** A request's `Key`: the key attributes and no others. */
export function keyFromKey(item: Item, table: TableRecord): ItemKey {
  const { partitionKey, sortKey } = table;
  if (Object.keys(item).length !== (sortKey === undefined ? 1 : 2)) {
    throw keyMismatch();
  }
  return {
    partition: keyOfKey(item, partitionKey, true),
    sort: sortKey === undefined ? undefined : keyOfKey(item, sortKey, false),
  };
}
