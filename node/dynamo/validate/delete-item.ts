/** DeleteItem: the request in DynamoDB's order of checks, up to what needs the table. */
import type { Item } from '../../values/attribute-value.ts';
import type { JsonObject } from '../../values/wire-types.ts';
import { readCondition, readItem } from './item-parameters.ts';
import { readWriteParameters, returnsOld } from './write-parameters.ts';
import type { WriteRequest } from './write-parameters.ts';

export interface DeleteItemRequest extends WriteRequest {
  readonly key: Item;
}

export function parseDeleteItem(input: JsonObject): DeleteItemRequest {
  const parameters = readWriteParameters(input, 'Key');
  const key = readItem(input, 'Key');
  return {
    tableName: parameters.tableName,
    capacity: parameters.capacity,
    returnOldOnFailure: parameters.returnOldOnFailure,
    returnOld: returnsOld(parameters),
    condition: readCondition(input),
    key,
  };
}
