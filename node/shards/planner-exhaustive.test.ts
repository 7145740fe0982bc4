// Goal: no plan copies less. Method: tiny clusters, placed at random or after a loss; all
// placements with the best spread are tried out, group by group, keeping the cheapest way to each
// vector of loads. The planner must not copy more than the cheapest placement with every node at
// its share rounded down or up, and cannot copy less than the cheapest with all in their bands.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { must } from '../lib/assert.ts';
import type { ClusterView, ViewGroup, ViewNode } from './cluster-view.ts';
import { bandOf } from './load-balancer.ts';
import { loadTargets, shareCeil, shareFloor } from './load-target.ts';
import { planShards } from './planner.ts';
import { zoneProfile } from './zone-profile.ts';

interface Shape {
  readonly zones: readonly number[];
  readonly weights: readonly number[];
  readonly copies: number;
  /** By group: an order of the nodes; the first of it hold the group. */
  readonly orders: readonly (readonly number[])[];
  readonly bytes: readonly number[];
  readonly lost: 'draining' | 'dead' | undefined;
}

const shapes: fc.Arbitrary<Shape> = fc
  .record({ nodes: fc.integer({ min: 2, max: 5 }), groups: fc.integer({ min: 1, max: 5 }) })
  .chain(({ nodes, groups }) => {
    const all = Array.from({ length: nodes }, (_, i) => i);
    const each = <T>(value: fc.Arbitrary<T>, count: number): fc.Arbitrary<T[]> =>
      fc.array(value, { minLength: count, maxLength: count });
    return fc.record({
      zones: fc.oneof(fc.constant(all), each(fc.nat(2), nodes)),
      weights: fc.oneof(fc.constant(all.map(() => 1)), each(fc.integer({ min: 1, max: 2 }), nodes)),
      copies: fc.constantFrom(...[1, 3].filter((copies) => copies <= nodes)),
      orders: each(fc.shuffledSubarray(all, { minLength: nodes }), groups),
      bytes: fc.oneof(
        fc.constant(Array.from({ length: groups }, () => 100)),
        each(fc.integer({ min: 10, max: 300 }), groups),
      ),
      lost: fc.constantFrom('draining' as const, 'dead' as const, undefined),
    });
  })
  // A group of one copy cannot lose it; the others must have somewhere to go.
  .filter(({ copies, lost, zones }) => lost === undefined || (copies === 3 && zones.length > 3));

function viewOf({ zones, weights, copies, orders, bytes, lost }: Shape): ClusterView {
  return {
    nodes: zones.map((zone, i): ViewNode => {
      const state = i === 0 && lost !== undefined ? lost : 'active';
      return { nodeId: i + 1, zone: `z${zone}`, weight: must(weights[i]), state };
    }),
    groups: orders.map((order, g): ViewGroup => {
      const nodeIds = order.slice(0, copies).map((i) => i + 1);
      return {
        groupId: g + 1,
        replicas: nodeIds.map((nodeId) => ({ nodeId, role: 'voter' })),
        leader: nodeIds[0],
        preferredLeader: nodeIds[0],
        bytes: must(bytes[g]),
      };
    }),
    ...{ replicationFactor: copies, effectiveFactor: copies },
  };
}

/** As the planner counts: eighths of a mean copy. */
function costsOf({ bytes }: Shape): number[] {
  const mean = bytes.reduce((a, b) => a + b, 0) / bytes.length;
  return bytes.map((each) => 1 + Math.round((each / mean) * 8));
}

interface Bounds {
  readonly least: readonly number[];
  readonly most: readonly number[];
}

/** Every set of `count` of the numbers. */
function setsOf(numbers: readonly number[], count: number): number[][] {
  if (count === 0) {
    return [[]];
  }
  return numbers.flatMap((first, at) =>
    setsOf(numbers.slice(at + 1), count - 1).map((rest) => [first, ...rest]),
  );
}

class Exhaustive {
  readonly #shape: Shape;
  readonly #sets: readonly number[][];
  readonly targets: readonly number[];

  constructor(shape: Shape) {
    this.#shape = shape;
    const { zones, weights, copies, orders } = shape;
    const held = zones.map((zone, i) => (i === 0 && shape.lost !== undefined ? -1 : zone));
    const capacities = [0, 1, 2, 3, 4].map((z) => held.filter((zone) => zone === z).length);
    const profile = zoneProfile(capacities, copies);
    const groupCount = orders.length;
    this.targets = [...loadTargets({ weights, zones: held, profile, groupCount, copies })];
    const holders = zones.map((_, i) => i).filter((i) => must(held[i]) >= 0);
    const pairs = (set: readonly number[]): number =>
      capacities.reduce((sum, _, z) => {
        const count = set.filter((i) => held[i] === z).length;
        return sum + (count * (count - 1)) / 2;
      }, 0);
    const all = setsOf(holders, copies);
    const fewest = Math.min(...all.map(pairs));
    this.#sets = all.filter((set) => pairs(set) === fewest);
  }

  /** The least cost of a placement with loads in the bounds; Infinity if there is none. */
  cheapest({ least, most }: Bounds): number {
    const { zones, orders, copies } = this.#shape;
    const costs = costsOf(this.#shape);
    let reached = new Map<string, number>([[zones.map(() => 0).join(), 0]]);
    for (const [g, order] of orders.entries()) {
      const next = new Map<string, number>();
      const had = order.slice(0, copies);
      for (const [loads, cost] of reached) {
        for (const set of this.#sets) {
          const after = loads.split(',').map((load, i) => Number(load) + Number(set.includes(i)));
          const made = set.filter((i) => !had.includes(i)).length * must(costs[g]);
          if (after.every((load, i) => load <= must(most[i]))) {
            const key = after.join();
            next.set(key, Math.min(next.get(key) ?? Infinity, cost + made));
          }
        }
      }
      reached = next;
    }
    const fitting = [...reached].filter(([loads]) =>
      loads.split(',').every((load, i) => Number(load) >= must(least[i])),
    );
    return Math.min(Infinity, ...fitting.map(([, cost]) => cost));
  }
}

describe('planShards, against all placements', () => {
  test('copies no more than the cheapest even placement, and no less than any within bounds', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const exhaustive = new Exhaustive(shape);
        const { targets } = exhaustive;
        const costs = costsOf(shape);
        const { moves } = planShards({ view: viewOf(shape) });
        const cost = moves
          .filter(({ kind }) => kind === 'swap' || kind === 'add')
          .reduce((sum, { groupId, to }) => sum + to.length * must(costs[groupId - 1]), 0);
        const even = exhaustive.cheapest({
          least: targets.map(shareFloor),
          most: targets.map(shareCeil),
        });
        const bounded = exhaustive.cheapest({
          least: targets.map((target) => Math.max(0, bandOf(target).least)),
          most: targets.map((target) => bandOf(target).most),
        });
        // Shares rounded down or up can always be had.
        expect(even).toBeLessThan(Infinity);
        expect(cost).toBeLessThanOrEqual(even);
        expect(cost).toBeGreaterThanOrEqual(bounded);
      }),
      { numRuns: 400 },
    );
  });
});
