/**
 * The table behind `/key`: `kv`, partition key `id` (S), attribute `json` (S) with the exact
 * text. An ordinary table of the DynamoDB API, made when a cluster is initialised.
 */
import type { TableRecord, TableSpec } from '../items/table.ts';
import type { Item } from '../values/attribute-value.ts';

export const kvTableName = 'kv';
const idName = 'id';
const jsonName = 'json';

export const kvTableSpec: TableSpec = {
  name: kvTableName,
  partitionKey: { name: idName, type: 'S' },
  billingMode: 'PAY_PER_REQUEST',
  deletionProtection: false,
};

/** Whether a table that happens to have the name can hold values of `/key`. */
export function isKvTable(table: TableRecord): boolean {
  const { partitionKey, sortKey } = table;
  return partitionKey.name === idName && partitionKey.type === 'S' && sortKey === undefined;
}

export function kvItem(id: string, json: string): Item {
  return { [idName]: { S: id }, [jsonName]: { S: json } };
}

/** The text in an item; undefined if someone put an item without one. */
export function jsonOf(item: Item): string | undefined {
  const value = Object.hasOwn(item, jsonName) ? item[jsonName] : undefined;
  return value !== undefined && 'S' in value ? value.S : undefined;
}
