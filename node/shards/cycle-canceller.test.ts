// Cycles that save copies, on graphs small enough to see. That none is left in real plans is
// planner-exhaustive.test.ts's business.
import { describe, expect, test } from '@jest/globals';
import { cancelCycles, cancellerWorkMax } from './cycle-canceller.ts';
import type { MoveGraph } from './cycle-canceller.ts';

/** Groups on nodes, and where each has a copy already: moving it there costs nothing. */
class TestGraph implements MoveGraph {
  readonly nodes: readonly number[];
  readonly held: Map<number, number[]>;
  readonly #copies: ReadonlyMap<number, readonly number[]>;
  readonly spare = new Set<number>();
  readonly take = new Set<number>();

  constructor(held: readonly (readonly number[])[], copies: readonly (readonly number[])[]) {
    this.nodes = held.map((_, i) => i);
    this.held = new Map(held.map((groups, i) => [i, [...groups]]));
    this.#copies = new Map(copies.map((nodes, g) => [g, nodes]));
  }

  groupsOn(i: number): readonly number[] {
    return this.held.get(i) ?? [];
  }

  canMove(g: number, from: number, to: number): boolean {
    return this.groupsOn(from).includes(g) && !this.groupsOn(to).includes(g);
  }

  costOf(g: number, from: number, to: number): number {
    const has = (i: number): number => Number(this.#copies.get(g)?.includes(i));
    return has(from) - has(to);
  }

  maySpare(i: number): boolean {
    return this.spare.has(i);
  }

  mayTake(i: number): boolean {
    return this.take.has(i);
  }

  move({ g, from, to }: { g: number; from: number; to: number }): void {
    this.held.set(
      from,
      this.groupsOn(from).filter((each) => each !== g),
    );
    this.held.set(to, [...this.groupsOn(to), g]);
  }
}

describe('cancelCycles', () => {
  test('sends home two groups that were moved past each other', () => {
    const graph = new TestGraph([[1], [0]], [[0], [1]]);
    expect(cancelCycles(graph)).toBe(1);
    expect([...graph.held.values()]).toEqual([[0], [1]]);
  });

  test('finds longer ways round', () => {
    const graph = new TestGraph([[2], [0], [1]], [[0], [1], [2]]);
    cancelCycles(graph);
    expect([...graph.held.values()]).toEqual([[0], [1], [2]]);
  });

  test('leaves loads as they are, unless a node may spare and another may take', () => {
    const stay = new TestGraph([[], [0]], [[0]]);
    expect(cancelCycles(stay)).toBe(0);
    const go = new TestGraph([[], [0]], [[0]]);
    go.spare.add(1);
    go.take.add(0);
    expect(cancelCycles(go)).toBe(1);
    expect([...go.held.values()]).toEqual([[0], []]);
  });

  test('makes no cycle that uses a group twice', () => {
    const graph = new TestGraph([[0], [1], [0], [2]], [[1, 3], [2], [0]]);
    const ways = ['0 0 1', '1 1 2', '0 2 3', '2 3 0'];
    const canMove = (g: number, from: number, to: number): boolean =>
      ways.includes([g, from, to].join(' '));
    expect(cancelCycles(Object.assign(graph, { canMove }))).toBe(0);
    expect([...graph.held.values()]).toEqual([[0], [1], [0], [2]]);
  });

  test('leaves large clusters alone', () => {
    const groups = Array.from({ length: cancellerWorkMax / 2 }, (_, g) => g + 2);
    const graph = new TestGraph([[1, ...groups], [0]], [[0], [1]]);
    expect(cancelCycles(graph)).toBe(0);
  });
});
