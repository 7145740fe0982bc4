// Goal: what holds after one change holds after any sequence of them, and with plans half done.
// Method: a small model of a cluster's life: nodes join, drain, die, return; plans are carried out
// a few moves at a time, with copies begun and left lying, and made anew from what is left of them.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import { applyMoves } from './applied-moves.ts';
import type { ClusterView, MemberState, ViewGroup } from './cluster-view.ts';
import { systemGroupId } from './groups.ts';
import type { Move } from './move.ts';
import { planShards } from './planner.ts';
import type { Plan } from './planner.ts';
import {
  clusterOf,
  placementProblems,
  shardsOf,
  votersOf,
  withNode,
  withState,
  withSystemGroup,
} from './test-cluster.ts';

const stepsMax = 60;
const nodesMax = 14;
/** A plan is done long before so many rounds of planning. */
const roundsMax = 500;

const copyKinds: readonly string[] = ['add', 'swap', 'remove'];

class Life {
  readonly #random: Prng;
  readonly #zoneCount: number;
  #nextNodeId = 1;
  view: ClusterView;
  carried: readonly Move[] = [];

  constructor(seed: number) {
    this.#random = new Prng(seed);
    this.#zoneCount = this.#random.pick([0, 3, 5]);
    const nodes = Array.from({ length: 1 + this.#random.below(7) }, () => this.#newNode());
    const shards = this.#random.pick([4, 16, 32]);
    const replicationFactor = this.#random.pick([1, 3, 5]);
    const view = clusterOf({ nodes, shards, replicationFactor });
    const voters = Math.min(5, nodes.length % 2 === 0 ? nodes.length - 1 : nodes.length);
    const ids = nodes.map(({ nodeId }) => nodeId);
    this.view = withSystemGroup(view, ids.slice(0, voters));
  }

  #newNode(): { nodeId: number; zone: string | undefined } {
    const nodeId = this.#nextNodeId;
    this.#nextNodeId += 1;
    const zone = this.#zoneCount === 0 ? undefined : `z${this.#random.below(this.#zoneCount)}`;
    return { nodeId, zone };
  }

  #inState(state: MemberState): number[] {
    return this.view.nodes.filter((node) => node.state === state).map(({ nodeId }) => nodeId);
  }

  /** Something happens to the nodes; true if it did. */
  happen(): boolean {
    const active = this.#inState('active');
    const gone = [...this.#inState('draining'), ...this.#inState('dead')];
    const mayLose = active.length > this.view.effectiveFactor;
    switch (this.#random.below(16)) {
      case 0:
        this.view =
          this.view.nodes.length < nodesMax ? withNode(this.view, this.#newNode()) : this.view;
        return true;
      case 1:
        if (mayLose) {
          this.view = withState(this.view, this.#random.pick(active), 'draining');
        }
        return mayLose;
      case 2: {
        // One at a time, and not the only copy.
        const may = mayLose && this.view.effectiveFactor > 1 && gone.length === 0;
        if (may) {
          this.view = withState(this.view, this.#random.pick(active), 'dead');
        }
        return may;
      }
      case 3:
        this.returnAll();
        return gone.length > 0;
      default:
        return false;
    }
  }

  returnAll(): void {
    const nodes = this.view.nodes.map((node) => ({ ...node, state: 'active' as const }));
    this.view = { ...this.view, nodes };
  }

  plan(): Plan {
    const plan = planShards({ view: this.view, carried: this.carried });
    this.view = { ...this.view, effectiveFactor: plan.effectiveFactor };
    return plan;
  }

  /** Does the first few moves of a plan; may begin another. What it has not done is carried on. */
  advance({ moves }: Plan): void {
    const done = moves.slice(0, 1 + this.#random.below(4));
    this.view = applyMoves(this.view, done);
    this.carried = moves.slice(done.length);
    const begun = this.carried.find(({ kind }) => kind === 'swap');
    if (begun !== undefined && this.#random.chance(0.5)) {
      this.view = {
        ...this.view,
        groups: this.view.groups.map((group) => withLearner(group, begun)),
      };
    }
  }
}

function withLearner(group: ViewGroup, move: Move): ViewGroup {
  const nodeId = must(move.to[0]);
  const isThere = group.replicas.some((replica) => replica.nodeId === nodeId);
  return group.groupId !== move.groupId || isThere
    ? group
    : { ...group, replicas: [...group.replicas, { nodeId, role: 'learner' }] };
}

function copyIds(moves: readonly Move[]): string[] {
  return moves.filter(({ kind }) => copyKinds.includes(kind)).map(({ id }) => id);
}

const seeds = fc.integer({ min: 0, max: 0xffff_ffff });

/** What must hold at every moment of a life. */
function checkMoment(before: ClusterView, plan: Plan): void {
  expect(plan.effectiveFactor).toBeGreaterThanOrEqual(before.effectiveFactor);
  expect(new Set(plan.moves.map(({ id }) => id)).size).toBe(plan.moves.length);
  const states = new Map(before.nodes.map(({ nodeId, state }) => [nodeId, state]));
  for (const { kind, to } of plan.moves) {
    if (kind !== 'promote' && kind !== 'addLearner') {
      expect(to.every((nodeId) => states.get(nodeId) === 'active')).toBe(true);
    }
  }
  for (const group of shardsOf(before)) {
    expect(votersOf(group).length % 2).toBe(1);
  }
}

describe('a life of joins, drains, deaths and returns', () => {
  test('keeps every promise at every moment, and all of them when it comes to rest', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const life = new Life(seed);
        for (let step = 0; step < stepsMax; step++) {
          life.happen();
          const { view } = life;
          const plan = life.plan();
          checkMoment(view, plan);
          life.advance(plan);
        }
        life.returnAll();
        let rounds = 0;
        for (let plan = life.plan(); plan.moves.length > 0; plan = life.plan()) {
          life.advance(plan);
          rounds += 1;
          expect(rounds).toBeLessThan(roundsMax);
        }
        expect(placementProblems(life.view)).toEqual([]);
        expect(planShards({ view: life.view }).moves).toEqual([]);
        const system = must(life.view.groups.find(({ groupId }) => groupId === systemGroupId));
        const nodes = life.view.nodes.length;
        expect(votersOf(system)).toHaveLength(Math.min(5, nodes % 2 === 0 ? nodes - 1 : nodes));
        expect(system.replicas).toHaveLength(nodes);
      }),
      { numRuns: 30 },
    );
  });

  test('carries a plan on to its end without changing its mind', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const life = new Life(seed);
        let expected: string[] | undefined;
        for (let step = 0; step < stepsMax; step++) {
          if (life.happen()) {
            expected = undefined;
          }
          const plan = life.plan();
          if (expected !== undefined) {
            expect(copyIds(plan.moves).sort()).toEqual(expected);
          }
          life.advance(plan);
          expected = copyIds(life.carried).sort();
        }
      }),
      { numRuns: 30 },
    );
  });
});
