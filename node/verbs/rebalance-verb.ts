/** `rebalance`: how far it is, live if wanted; `rebalance start|pause|cancel`. */
import type { Command } from 'commander';
import type {
  ChangeView,
  ClusterCalls,
  FenceView,
  MovementView,
} from '../contract/cluster-calls.ts';
import { isDynakvError, messageOf } from '../lib/errors.ts';
import { changePlan } from './fenced-change.ts';
import { LiveFrame } from './live-frame.ts';
import { formatRebalance, formatRebalanceLine } from './rebalance-view.ts';
import { show, withCluster } from './verb-world.ts';
import type { VerbFlags, VerbWorld } from './verb-world.ts';

const watchEveryMs = 500;
/** A plan begins a moment after the change that it answers to. */
const quietLooks = 6;

interface Action {
  readonly name: string;
  readonly help: string;
  readonly done: string;
  readonly call: (calls: ClusterCalls) => (fence: FenceView) => Promise<ChangeView>;
}

const actions: readonly Action[] = [
  {
    name: 'start',
    help: 'Plan anew at once, and run the plan to its end, whatever the mode',
    done: 'a new plan runs; rebalance --watch shows it',
    call: (calls) => async (fence) => await calls.startRebalance(fence),
  },
  {
    name: 'pause',
    help: 'Moves under way end, no new one starts, until rebalance start',
    done: 'paused: what is under way ends, nothing new starts',
    call: (calls) => async (fence) => await calls.pauseRebalance(fence),
  },
  {
    name: 'cancel',
    help: 'Drop the plan; a new copy without a vote goes again',
    done: 'the plan is dropped, and what had no vote yet is undone',
    call: (calls) => async (fence) => await calls.cancelRebalance(fence),
  },
];

export function addRebalanceVerb(program: Command, world: VerbWorld): void {
  const rebalance = program
    .command('rebalance')
    .description('What moves: done and left, bytes, rate, what is blocked and why');
  world.addTargetOptions(rebalance);
  rebalance
    .option('--json', 'The whole answer as JSON; with --watch a line an answer')
    .option('--watch', 'Live, until nothing is left to move')
    .action(async (flags: VerbFlags) => {
      await withCluster(world, flags, async (calls) => {
        if (flags['watch'] === true) {
          await watch(world, flags, calls);
        } else {
          const movement = await calls.movement();
          show(world, flags, movement, formatRebalance(movement, world.nowMs()));
        }
      });
    });
  for (const { name, help, done, call } of actions) {
    rebalance
      .command(name)
      .description(help)
      .action(async (_own: VerbFlags, command: Command) => {
        const flags: VerbFlags = command.optsWithGlobals();
        await withCluster(world, flags, async (calls) => {
          const reply = await changePlan(calls, call(calls));
          show(world, flags, reply, reply.changed ? done : 'it was so already');
        });
      });
  }
}

/** Nothing moves, and nothing is going to by itself. */
function isQuiet({ status, moves }: MovementView): boolean {
  return status !== undefined && status.state === 'idle' && moves.length === 0;
}

async function watch(world: VerbWorld, flags: VerbFlags, calls: ClusterCalls): Promise<void> {
  const frame = new LiveFrame(world);
  let last = '';
  for (let quiet = 0; quiet < quietLooks; await world.pause(watchEveryMs)) {
    let movement: MovementView;
    try {
      movement = await calls.movement();
    } catch (error) {
      if (isDynakvError(error) && error.retry === 'never') {
        throw error;
      }
      frame.draw(`No answer, asking again: ${messageOf(error)}`);
      continue;
    }
    quiet = isQuiet(movement) ? quiet + 1 : 0;
    if (flags['json'] === true) {
      world.writeOut(`${JSON.stringify(movement)}\n`);
    } else if (world.isTerminal) {
      frame.draw(formatRebalance(movement, world.nowMs()));
    } else {
      const line = formatRebalanceLine(movement);
      if (line !== last) {
        world.writeOut(`${line}\n`);
        last = line;
      }
    }
  }
}
