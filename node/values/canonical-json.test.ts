import { expect, test } from '@jest/globals';
import type { Item } from './attribute-value.ts';
import { itemText, readItemText } from './canonical-json.ts';

test('an item comes back from its text', () => {
  const item: Item = { id: { S: 'é😀"\\\n' }, l: { L: [{ N: '1' }, { M: {} }] } };
  expect(itemText(item).toString()).toBe(
    '{"id":{"S":"é😀\\"\\\\\\n"},"l":{"L":[{"N":"1"},{"M":{}}]}}',
  );
  expect(readItemText(itemText(item))).toEqual(item);
});
