/**
 * The stored form of an item: DynamoDB JSON text of a validated item, in UTF-8. Made once at the
 * door and spliced into replies as it stands; read back only where a value must be looked at.
 */
import type { Item } from './attribute-value.ts';

/** The text of a validated item. */
export function itemText(item: Item): Buffer {
  return Buffer.from(JSON.stringify(item), 'utf8');
}

/** The item behind a text that `itemText` made. Trusts it: nothing is validated again. */
export function readItemText(text: Buffer): Item {
  return JSON.parse(text.toString('utf8')) as Item;
}
