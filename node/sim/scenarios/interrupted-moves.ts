/**
 * Moves that are interrupted at a chosen step: the manager dies, or the drain is called off. The
 * step is known by what a node says when it was taken. Clients read and write meanwhile.
 */
import { assert } from '../../lib/assert.ts';
import { LogTrap } from './log-trap.ts';
import { WatchedCluster } from './watched-cluster.ts';
import type { ScenarioReport } from './watched-cluster.ts';

/** What is said when a step of a move was taken, in order. */
export const moveSteps = [
  'Move: begins',
  'Replica made',
  'Configuration changed',
  'Move: copying',
  'Snapshot: sending',
  'Snapshot: installed',
  'Move: swapping',
  'Move: removing',
  'Move: ended',
  'Replica deleted',
] as const;
export type MoveStepSaid = (typeof moveSteps)[number];

async function startTrapped(seed: number, trap: LogTrap): Promise<WatchedCluster> {
  const watched = await WatchedCluster.start(seed, { logger: trap });
  // Slow enough that a copy is still under way when the manager looks again.
  watched.sim.network.options = { ...watched.sim.network.options, delayMaxMs: 20 };
  return watched;
}

/** Waits until the step was taken for the n-th time, n drawn. */
async function untilSaid(watched: WatchedCluster, trap: LogTrap, step: string): Promise<boolean> {
  let said = false;
  trap.set(step, 1 + watched.random.below(2), () => {
    said = true;
  });
  return await watched.sim.scheduler.runUntil(() => said, 20_000);
}

/** Node 4 is drained; the manager dies right after the step, and the next one ends the move. */
export async function managerDies(seed: number, step: MoveStepSaid): Promise<ScenarioReport> {
  const trap = new LogTrap();
  const watched = await startTrapped(seed, trap);
  const { managed, random } = watched;
  await managed.setState(4, 'draining');
  assert(await untilSaid(watched, trap, step), `"${step}" is said`);
  await watched.pass(random.below(20));
  assert((await watched.crashManager()) !== undefined, 'A manager dies');
  await managed.untilState(4, 'drained');
  assert(managed.copiesOn(4) === 0, 'The drained node holds nothing');
  return await watched.end();
}

/** A drain is called off right after the step: nothing that was begun is left over. */
export async function drainCancelled(seed: number, step: MoveStepSaid): Promise<ScenarioReport> {
  const trap = new LogTrap();
  const watched = await startTrapped(seed, trap);
  const { managed, random } = watched;
  const before = managed.copiesOn(2);
  await managed.setState(2, 'draining');
  assert(await untilSaid(watched, trap, step), `"${step}" is said`);
  await watched.pass(random.below(20));
  await managed.setState(2, 'active');
  await managed.settle();
  const after = managed.copiesOn(2);
  assert(managed.stateOf(2) === 'active', 'The node is active again');
  assert(Math.abs(after - before) <= 2, `It holds about what it held: ${after} after ${before}`);
  return await watched.end();
}
