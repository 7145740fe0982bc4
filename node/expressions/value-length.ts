/** What the function `size` says of a value. Source: DynamoDB developer guide, `size (path)`. */
import type { AttributeValue } from '../values/attribute-value.ts';
import { binarySize } from '../values/item-size.ts';

/** Characters, bytes or members; undefined for a type that has no size. */
export function valueLength(value: AttributeValue): number | undefined {
  if ('S' in value) {
    return value.S.length;
  }
  if ('B' in value) {
    return binarySize(value.B);
  }
  if ('SS' in value) {
    return value.SS.length;
  }
  if ('NS' in value) {
    return value.NS.length;
  }
  if ('BS' in value) {
    return value.BS.length;
  }
  if ('L' in value) {
    return value.L.length;
  }
  if ('M' in value) {
    return Object.keys(value.M).length;
  }
  return undefined;
}
