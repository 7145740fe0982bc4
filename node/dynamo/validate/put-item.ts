/** PutItem: the request in DynamoDB's order of checks, up to what needs the table. */
import type { Item } from '../../values/attribute-value.ts';
import { itemSize, itemSizeBytesMax } from '../../values/item-size.ts';
import type { JsonObject } from '../../values/wire-types.ts';
import { validationError } from '../errors.ts';
import { readCondition, readItem } from './item-parameters.ts';
import { readWriteParameters, returnsOld } from './write-parameters.ts';
import type { WriteRequest } from './write-parameters.ts';

export interface PutItemRequest extends WriteRequest {
  readonly item: Item;
  readonly itemSize: number;
}

export function parsePutItem(input: JsonObject): PutItemRequest {
  const parameters = readWriteParameters(input, 'Item');
  const item = readItem(input, 'Item');
  const returnOld = returnsOld(parameters);
  const size = itemSize(item);
  if (size > itemSizeBytesMax) {
    throw validationError('Item size has exceeded the maximum allowed size');
  }
  return {
    tableName: parameters.tableName,
    capacity: parameters.capacity,
    returnOldOnFailure: parameters.returnOldOnFailure,
    returnOld,
    condition: readCondition(input),
    item,
    itemSize: size,
  };
}
