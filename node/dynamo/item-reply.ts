/**
 * The answer of an item operation: an object of at most two members, one of them stored item
 * text that is spliced in and never parsed. One allocation for the whole body.
 */
import { emptyObject } from './reply.ts';

const itemPrefixes = {
  Item: Buffer.from('{"Item":', 'utf8'),
  Attributes: Buffer.from('{"Attributes":', 'utf8'),
} as const;
const capacityMember = '"ConsumedCapacity":';
const close = Buffer.from('}', 'utf8');

export function itemReply(
  name: keyof typeof itemPrefixes,
  item: Buffer | undefined,
  capacity: object | undefined,
): Buffer {
  if (capacity === undefined) {
    return item === undefined ? emptyObject : Buffer.concat([itemPrefixes[name], item, close]);
  }
  const text = `${capacityMember}${JSON.stringify(capacity)}}`;
  return item === undefined
    ? Buffer.from(`{${text}`, 'utf8')
    : Buffer.concat([itemPrefixes[name], item, Buffer.from(`,${text}`, 'utf8')]);
}
