/** Every option of a node belongs to the user or to the operator, and to one of them alone. */
import { expect, test } from '@jest/globals';
import { environmentName, optionTable } from '../../node/config/options.ts';
import { nodeOptionNames, operatorOptionNames, optionVariable } from './node-options.ts';

test('the two lists together are the options of the node program', () => {
  const known = Object.values(optionTable).map(({ name }) => name);
  expect([...nodeOptionNames, ...operatorOptionNames].sort()).toEqual([...known].sort());
});

test('optionVariable() names what the node reads', () => {
  for (const spec of Object.values(optionTable)) {
    expect(optionVariable(spec.name)).toBe(environmentName(spec));
  }
});
