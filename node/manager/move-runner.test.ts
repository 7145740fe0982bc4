// Who is at work on a move. Goal: no loop outlives the move that it began, even if the same move
// is stored again before it looks. Method: a catalog on paper, a group that answers when told to.
import { expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import type { GroupFacts } from '../host/group-commands.ts';
import { makeMove } from '../shards/move.ts';
import type { Move } from '../shards/move.ts';
import { silentLogger } from '../sys/log.ts';
import { MoveRunner } from './move-runner.ts';
import type { MoveRunnerParts } from './move-runner.ts';
import type { SystemCommand } from './system-commands.ts';
import { CatalogBench } from './testing-catalog.ts';

const term = 3;

class RunnerBench {
  readonly paper = new CatalogBench();
  readonly runner: MoveRunner;
  /** Questions to the group that wait for `answer`. */
  readonly asked: PromiseWithResolvers<unknown>[] = [];
  readonly told: SystemCommand[] = [];
  readonly move: Move;

  constructor() {
    const { replicas } = must(this.paper.catalog.groups.get(1));
    const holders = replicas.map(({ nodeId }) => nodeId);
    const lacks = must([1, 2, 3, 4].find((nodeId) => !holders.includes(nodeId)));
    this.move = makeMove({
      ...{ groupId: 1, kind: 'swap', from: [must(holders[0])], to: [lacks], bytes: 100 },
      reason: 'Balance',
    });
    const router = {
      call: async () => {
        const question = Promise.withResolvers<unknown>();
        this.asked.push(question);
        return await question.promise;
      },
      system: (command: SystemCommand) => {
        this.told.push(command);
        return Promise.resolve(this.paper.run(command).reply);
      },
    } as unknown as MoveRunnerParts['router'];
    const timer = { cancel: () => undefined };
    this.runner = new MoveRunner({
      ...{ catalog: this.paper.catalog, router, logger: silentLogger },
      clock: { monotonicMs: () => 0, wallMs: () => 0 },
      // Nobody looks again by itself.
      timers: { after: () => timer, every: () => timer, endOfTurn: () => undefined },
      ...{ seen: () => undefined, dropped: () => undefined, moved: () => undefined },
    });
    this.runner.opened(term);
  }

  store(add: boolean): void {
    const { id } = this.move;
    this.paper.run({
      ...{ op: 'storePlan', add: add ? [{ ...this.move, order: 0 }] : [], drop: add ? [] : [id] },
      ...{ left: { moves: 1, bytes: 100 }, isNew: false, effectiveFactor: 3 },
    });
  }

  begin(): void {
    this.runner.begin(must(this.paper.catalog.moves.get(this.move.id)));
  }

  /** The group says what it is, to the question of that number. */
  async answer(question: number): Promise<void> {
    const { replicas } = must(this.paper.catalog.groups.get(1));
    const voters = replicas.map(({ replicaId }) => replicaId);
    const confState = { voters, votersOutgoing: [], learners: [], learnersNext: [] };
    const facts = {
      ...{ groupId: 1, replicaId: must(voters[0]), configurationIndex: 1, members: [] },
      confState,
    } as unknown as GroupFacts;
    must(this.asked[question]).resolve({ kind: 'described', facts });
    await new Promise(setImmediate);
  }
}

test('a move begins by the word of its group', async () => {
  const bench = new RunnerBench();
  bench.store(true);
  bench.begin();
  await bench.answer(0);
  expect(bench.told).toMatchObject([{ op: 'beginMove', moveId: bench.move.id, asTerm: term }]);
});

test('a loop does nothing more once its move is dropped, even if it is stored again', async () => {
  const bench = new RunnerBench();
  bench.store(true);
  bench.begin();
  bench.store(false);
  expect(bench.runner.active.size).toBe(0);
  bench.store(true);
  await bench.answer(0);
  expect(bench.told).toEqual([]);
});

test('the same move may be begun anew beside a loop of its earlier life, which ends', async () => {
  const bench = new RunnerBench();
  bench.store(true);
  bench.begin();
  bench.store(false);
  bench.store(true);
  bench.begin();
  await bench.answer(0);
  expect(bench.told).toEqual([]);
  expect([...bench.runner.active.keys()]).toEqual([bench.move.id]);
  await bench.answer(1);
  expect(bench.told).toMatchObject([{ op: 'beginMove', moveId: bench.move.id }]);
});
