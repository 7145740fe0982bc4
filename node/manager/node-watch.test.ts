/**
 * What the manager makes of silence. Goal: nodes that come and go change nothing for a while, one
 * that is away for good is dead after the grace period and active when it is steadily back.
 * Method: looks at a catalog on paper, with times as numbers.
 */
import { describe, expect, test } from '@jest/globals';
import { minuteMs, secondMs } from '../lib/units.ts';
import { NodeSteadiness, steadyMsMin } from './node-steadiness.ts';
import { NodeWatch } from './node-watch.ts';
import { CatalogBench } from './testing-catalog.ts';

/** A manager on node 1 that looks once a second. */
class Watched {
  readonly bench = new CatalogBench(4);
  readonly watch: NodeWatch;
  nowMs = 0;

  constructor() {
    this.watch = new NodeWatch({
      ...{ catalog: this.bench.catalog, ownId: 1 },
      heard: (nodeId) => ({ live: !this.bench.silent.has(nodeId), featureVersionMax: 1 }),
      mayVote: () => false,
    });
    this.watch.opened();
  }

  /** Looks for so long, and lets the catalog follow. */
  pass(durationMs: number): void {
    for (const endMs = this.nowMs + durationMs; this.nowMs < endMs; this.nowMs += secondMs) {
      for (const command of this.watch.look(this.nowMs, this.nowMs)) {
        this.bench.run(command);
      }
    }
  }

  stateOf(nodeId: number): string | undefined {
    return this.bench.catalog.nodes.get(nodeId)?.state;
  }
}

describe('NodeWatch', () => {
  test('silence shorter than the grace period is nothing, longer is death', () => {
    const watched = new Watched();
    watched.pass(secondMs);
    watched.bench.silent.add(4);
    watched.pass(5 * minuteMs);
    expect([watched.stateOf(4), watched.watch.silentSinceMs(4)]).toEqual(['active', secondMs]);
    watched.pass(2 * secondMs);
    expect(watched.stateOf(4)).toBe('dead');
  });

  test('a dead node is active again when it has answered for a while, not at its first beat', () => {
    const watched = new Watched();
    watched.pass(secondMs);
    watched.bench.silent.add(4);
    watched.pass(6 * minuteMs);
    watched.bench.silent.delete(4);
    watched.pass(steadyMsMin);
    expect(watched.stateOf(4)).toBe('dead');
    watched.pass(2 * secondMs);
    expect(watched.stateOf(4)).toBe('active');
  });

  test('a node that crashes over and over is dead after the grace period, but not while it answers', () => {
    const watched = new Watched();
    watched.pass(secondMs);
    for (let round = 0; round < 16; round++) {
      watched.bench.silent.add(4);
      watched.pass(15 * secondMs);
      expect(watched.stateOf(4)).toBe('active');
      watched.bench.silent.delete(4);
      watched.pass(3 * secondMs);
    }
    watched.pass(5 * minuteMs + 2 * secondMs - watched.nowMs);
    // The grace period is over since the first crash, but just now it answers.
    expect(watched.stateOf(4)).toBe('active');
    watched.bench.silent.add(4);
    watched.pass(2 * secondMs);
    expect(watched.stateOf(4)).toBe('dead');
  });

  test('what an earlier manager heard does not count, and a failed store is dead at once', () => {
    const watched = new Watched();
    watched.bench.silent.add(4);
    watched.pass(4 * minuteMs);
    watched.watch.opened();
    watched.pass(4 * minuteMs);
    expect(watched.stateOf(4)).toBe('active');
    watched.bench.run({ op: 'quarantine', nodeId: 3, reason: 'EIO' });
    watched.pass(secondMs);
    expect(watched.stateOf(3)).toBe('dead');
    watched.pass(minuteMs);
    expect(watched.stateOf(3)).toBe('dead');
  });

  test('maintenance holds the death off, and ends by itself', () => {
    const watched = new Watched();
    watched.pass(secondMs);
    watched.bench.setNode(4, { maintenanceUntilMs: 10 * minuteMs });
    watched.bench.silent.add(4);
    watched.pass(9 * minuteMs);
    expect(watched.stateOf(4)).toBe('active');
    watched.pass(2 * minuteMs);
    expect(watched.bench.catalog.nodes.get(4)).not.toHaveProperty('maintenanceUntilMs');
    expect(watched.stateOf(4)).toBe('dead');
  });
});

describe('NodeSteadiness', () => {
  const looks = (steadiness: NodeSteadiness, live: string, fromMs = 0): boolean[] =>
    [...live].map((each, i) => {
      steadiness.note(2, each === '+', fromMs + i * secondMs);
      return steadiness.isSteady(2, fromMs + i * secondMs);
    });
  const steadyAfter = (flags: readonly boolean[]): number => flags.lastIndexOf(false) + 1;

  test('nothing is known against a node that was never lost', () => {
    const steadiness = new NodeSteadiness();
    expect(steadiness.isSteady(2, 0)).toBe(true);
    expect(looks(steadiness, '++')).toEqual([true, true]);
  });

  test('each further loss makes it wait twice as long, and the losses are forgotten', () => {
    const steadiness = new NodeSteadiness();
    const back = '+'.repeat(200);
    expect(steadyAfter(looks(steadiness, `+-${back}`))).toBe(2 + 5);
    expect(steadyAfter(looks(steadiness, `-${back}`, 300_000))).toBe(1 + 10);
    expect(steadyAfter(looks(steadiness, `-${back}`, 600_000))).toBe(1 + 20);
    for (let loss = 0; loss < 6; loss++) {
      looks(steadiness, '-+', 800_000 + loss * 2_000);
    }
    expect(steadyAfter(looks(steadiness, `-${back}`, 900_000))).toBe(1 + 60);
    expect(steadyAfter(looks(steadiness, `-${back}`, 900_000 + 11 * minuteMs))).toBe(1 + 5);
  });
});
