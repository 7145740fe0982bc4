/** The plan of a local cluster: ports, arguments, and what is refused. */
import { describe, expect, test } from '@jest/globals';
import type { LocalOptions } from './local-plan.ts';
import { describeCluster, nodeArguments, planInit, planNodes } from './local-plan.ts';

const options: LocalOptions = {
  nodeCount: 3,
  shardCount: 16,
  port: 8000,
  dataFolder: 'd',
  nodeArguments: [],
};

describe('planNodes()', () => {
  test('gives node k the ports PORT+k−1, PORT−1000+k−1 and PORT+1100+k−1', () => {
    expect(planNodes(options)[2]).toEqual({
      name: 'n3',
      nodeId: 3,
      dataFolder: 'd/n3',
      clientPort: 8002,
      peerPort: 7002,
      opsPort: 9102,
    });
  });

  test('refuses other numbers of nodes and ports out of range', () => {
    for (const nodeCount of [0, 2, 4, 6]) {
      expect(() => planNodes({ ...options, nodeCount })).toThrow('NODES is 1, 3 or 5');
    }
    for (const port of [0, 1000, 64_431, Number.NaN]) {
      expect(() => planNodes({ ...options, port })).toThrow('PORT is 2024 to 64430');
    }
  });
});

describe('nodeArguments()', () => {
  test('names peers only when their ports moved', () => {
    const nodes = planNodes(options);
    const [first] = nodes;
    const common = { logFormat: 'json', more: ['--log-level=debug'] } as const;
    const plain = first && nodeArguments(first, { ...common, overrides: [] });
    expect(plain?.at(-1)).toBe('--log-level=debug');
    expect(plain?.join(' ')).not.toContain('overrides');
    expect(first && nodeArguments(first, { ...common, overrides: nodes })).toContain(
      '--peer-overrides=1=127.0.0.1:7000,2=127.0.0.1:7001,3=127.0.0.1:7002',
    );
  });
});

describe('planInit()', () => {
  test('wants at most three copies', () => {
    const factor = (nodeCount: number): number =>
      planInit(planNodes({ ...options, nodeCount }), {
        clusterId: 'c',
        createdAtMs: 1,
        shardCount: 16,
      }).replicationFactor;
    expect([1, 3, 5].map(factor)).toEqual([1, 3, 3]);
  });
});

describe('describeCluster()', () => {
  test('shows each endpoint and four commands', () => {
    const text = describeCluster(planNodes(options), options);
    expect(text).toContain('clients http://127.0.0.1:8002');
    expect(text.slice(text.indexOf('Try:')).trim().split('\n')).toHaveLength(5);
  });
});
