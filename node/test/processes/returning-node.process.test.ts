/**
 * Goal: a node that was away while the cluster moved on to nodes unknown to it comes back, serves.
 * Method: see `returning-node.ts`.
 */
import { test } from '@jest/globals';
import { runReturningNode } from './returning-node.ts';

test('a node comes back to a cluster that is led by nodes which joined meanwhile', async () => {
  await runReturningNode();
});
