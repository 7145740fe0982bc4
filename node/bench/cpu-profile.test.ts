import { describe, expect, test } from '@jest/globals';
import type { CpuProfile } from './cpu-profile.ts';
import { buildFlameTree, heaviestFrames } from './cpu-profile.ts';
import { renderFlameGraph } from './flame-page.ts';

const frame = (
  id: number,
  functionName: string,
  url: string,
  children: number[] = [],
): CpuProfile['nodes'][number] => ({
  id,
  callFrame: { functionName, url, lineNumber: 4 },
  children,
});

const profile: CpuProfile = {
  nodes: [
    frame(1, '(root)', '', [2, 3, 6]),
    frame(2, '(idle)', ''),
    frame(3, 'turn', 'file:///somewhere/node/host/turn.ts', [4, 5]),
    frame(4, 'write', 'file:///somewhere/node_modules/some-package/lib/a.js'),
    frame(5, 'write', 'file:///somewhere/node_modules/some-package/lib/a.js'),
    frame(6, 'emit', 'node:events'),
  ],
  samples: [2, 3, 4, 5, 6],
  timeDeltas: [1_000, 100, 200, 300, 400],
};

describe('buildFlameTree()', () => {
  test('adds up time, merges equal frames and sets idle time apart', () => {
    const { root, idleMicros } = buildFlameTree(profile);
    expect(idleMicros).toBe(1_000);
    expect(root.total).toBe(1_000);
    const [turn, emit] = root.children;
    expect(turn).toMatchObject({ place: 'node/host/turn.ts:5', kind: 'own', total: 600 });
    expect(turn?.children).toHaveLength(1);
    expect(turn?.children[0]).toMatchObject({ kind: 'package', total: 500, self: 500 });
    expect(emit).toMatchObject({ kind: 'node', total: 400 });
  });
});

describe('heaviestFrames()', () => {
  test('sorts by own time', () => {
    const { root } = buildFlameTree(profile);
    expect(heaviestFrames(root, 2).map((one) => one.name)).toEqual(['write', 'emit']);
  });
});

describe('renderFlameGraph()', () => {
  test('is one page that stands alone', () => {
    const tree = buildFlameTree({ ...profile, nodes: [...profile.nodes] });
    const page = renderFlameGraph({ title: 'a </script> title', tree });
    expect(page).toContain('node/host/turn.ts:5');
    expect(page.match(/<\/script>/g)).toHaveLength(1);
    expect(page).not.toMatch(/src=|href=/);
  });
});
