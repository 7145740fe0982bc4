/** Calls of a cluster with several nodes: the first that answers is asked, and asked again. */
import { describe, expect, test } from '@jest/globals';
import { DynakvError } from '../lib/errors.ts';
import { FoundCluster } from './found-cluster.ts';
import { status, testCalls } from './testing-cluster.ts';

interface Asked {
  readonly asked: string[];
  readonly closed: string[];
}

/** A cluster of nodes, of which some are silent and one refuses. */
function cluster(
  find: () => readonly string[],
  answers: (endpoint: string) => 'answer' | 'silence' | 'refusal',
): Asked & { readonly found: FoundCluster } {
  const asked: string[] = [];
  const closed: string[] = [];
  const found = new FoundCluster(
    async () => await Promise.resolve(find()),
    (endpoint) => ({
      ...testCalls({
        status: async () => {
          asked.push(endpoint);
          const answer = answers(endpoint);
          if (answer === 'answer') {
            return await Promise.resolve(status);
          }
          throw answer === 'silence'
            ? new DynakvError('Unavailable', 'nobody there')
            : new DynakvError('Refused', 'not like this', { reason: 'Stale' });
        },
      }),
      close: () => closed.push(endpoint),
    }),
  );
  return { asked, closed, found };
}

describe('FoundCluster', () => {
  test('goes past silent nodes, and stays with the one that answers', async () => {
    const { asked, closed, found } = cluster(
      () => ['a', 'b', 'c'],
      (endpoint) => (endpoint === 'a' ? 'silence' : 'answer'),
    );
    await found.status();
    await found.status();
    found.close();
    expect(asked).toEqual(['a', 'b', 'b']);
    expect(closed).toEqual(['a', 'b']);
  });

  test('a refusal is the answer: no other node is asked', async () => {
    const { asked, found } = cluster(
      () => ['a', 'b'],
      () => 'refusal',
    );
    await expect(found.status()).rejects.toThrow('not like this');
    expect(asked).toEqual(['a']);
  });

  test('the last failure is told, with the node, when none answers', async () => {
    const { found } = cluster(
      () => ['a', 'b'],
      () => 'silence',
    );
    await expect(found.status()).rejects.toThrow('Cannot ask the node at b: nobody there');
  });

  test('a node that is gone is not asked again, even if it answered last', async () => {
    const nodes = ['a'];
    const { asked, closed, found } = cluster(
      () => nodes,
      () => 'answer',
    );
    await found.status();
    nodes.splice(0, 1, 'b');
    await found.status();
    expect(asked).toEqual(['a', 'b']);
    expect(closed).toEqual(['a']);
  });
});
