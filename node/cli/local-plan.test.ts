/** The plan of a local cluster: ports, arguments, and what is refused. */
import { describe, expect, test } from '@jest/globals';
import type { LocalOptions } from './local-plan.ts';
import {
  birthMembers,
  checkLocalOptions,
  describeCluster,
  nodeArguments,
  planInit,
  planNodes,
} from './local-plan.ts';
import type { LocalNode } from './local-plan.ts';

const options: LocalOptions = {
  nodeCount: 3,
  shardCount: 16,
  port: 8000,
  dataFolder: 'd',
  nodeArguments: [],
};

const bornNodes = (born: LocalOptions): readonly LocalNode[] =>
  planNodes(born, birthMembers(born, born.port));

describe('planNodes()', () => {
  test('gives node k the ports PORT+k−1, PORT−1000+k−1 and PORT+1100+k−1', () => {
    expect(bornNodes(options)[2]).toEqual({
      name: 'n3',
      place: 3,
      nodeId: 3,
      zone: '',
      dataFolder: 'd/n3',
      clientPort: 8002,
      peerPort: 7002,
      opsPort: 9102,
    });
  });

  test('leaves those out that were removed, and never gives their ports away', () => {
    const [first, second, third] = birthMembers({ ...options, zones: ['a', 'b'] }, 8000);
    const members = [first, second, third].flatMap((each) => (each === undefined ? [] : [each]));
    const grown = { place: 4, nodeId: 9, port: 8000, zone: 'c', removed: false };
    const nodes = planNodes(options, [
      ...members.map((each) => ({ ...each, removed: each.place === 2 })),
      grown,
    ]);
    expect(nodes.map(({ name, clientPort, zone }) => [name, clientPort, zone])).toEqual([
      ['n1', 8000, 'a'],
      ['n3', 8002, 'a'],
      ['n9', 8003, 'c'],
    ]);
  });

  test('refuses other numbers of nodes and ports out of range', () => {
    for (const nodeCount of [0, 2, 4, 6]) {
      expect(() => {
        checkLocalOptions({ ...options, nodeCount });
      }).toThrow('NODES is 1, 3 or 5');
    }
    for (const port of [0, 1000, 64_431, Number.NaN]) {
      expect(() => {
        checkLocalOptions({ ...options, port });
      }).toThrow('PORT is 2024 to 64430');
    }
  });
});

describe('nodeArguments()', () => {
  test('names peers only when their ports moved', () => {
    const nodes = bornNodes(options);
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
  test('wants three copies, also of a lone node that others may join', () => {
    const factor = (nodeCount: number): number =>
      planInit(bornNodes({ ...options, nodeCount }), {
        clusterId: 'c',
        createdAtMs: 1,
        shardCount: 16,
      }).replicationFactor;
    expect([1, 3, 5].map(factor)).toEqual([3, 3, 3]);
  });
});

describe('describeCluster()', () => {
  test('shows each endpoint and four commands', () => {
    const text = describeCluster(bornNodes(options), options);
    expect(text).toContain('clients http://127.0.0.1:8002');
    const [, tries = ''] = /Try:\n([^]*?)\n\n/.exec(text) ?? [];
    expect(tries.split('\n')).toHaveLength(4);
  });

  test('says how to grow and shrink it, with the folder where it is not the usual one', () => {
    const text = describeCluster(bornNodes(options), options);
    expect(text).toMatch(/dynakv\.js add-node --data d +# n4 joins/);
    expect(text).toMatch(/dynakv\.js drain n4 --data d +# /);
    const usual = describeCluster(bornNodes(options), { ...options, dataFolder: '.data/local' });
    expect(usual).toMatch(/dynakv\.js kill n3 +# kill -9/);
  });
});
