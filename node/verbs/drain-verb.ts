/** `drain`: everything leaves a node, watched until it is empty; or the drain is called off. */
import type { Command } from 'commander';
import type { ClusterCalls, DrainView } from '../contract/cluster-calls.ts';
import { isDynakvError } from '../lib/errors.ts';
import { formatDrain, formatDrainLine } from './drain-view.ts';
import { changeNode } from './fenced-change.ts';
import { parseNodeId } from './quantities.ts';
import { show, withCluster } from './verb-world.ts';
import type { VerbFlags, VerbWorld } from './verb-world.ts';

const lookEveryMs = 500;
const owner = 'person';

export function addDrainVerb(program: Command, world: VerbWorld): void {
  const command = program
    .command('drain')
    .description('Move everything off a node, and wait until it is empty')
    .argument('<node>', 'Its name: n4');
  world.addTargetOptions(command);
  command
    .option('--json', 'The last answer as JSON')
    .option('--no-wait', 'Begin it, and do not wait for the end')
    .option('--cancel', 'Call the drain off: the node is active again')
    .option('--progress', 'Only show how far it is')
    .action(async (node: string, flags: VerbFlags) => {
      const nodeId = parseNodeId(node);
      await withCluster(world, flags, async (calls) => {
        if (flags['progress'] === true) {
          const drain = await calls.drainProgress(nodeId);
          show(world, flags, drain, formatDrain(nodeId, drain, world.nowMs()));
          return;
        }
        const state = flags['cancel'] === true ? 'active' : 'draining';
        const reply = await changeNode(calls, nodeId, (fence) =>
          calls.setNodeState({ fence, nodeId, state, owner }),
        );
        if (state === 'active') {
          show(world, flags, reply, `n${nodeId} is active`);
        } else if (flags['wait'] === false) {
          show(world, flags, reply, `n${nodeId} is draining; drain n${nodeId} --progress`);
        } else {
          const drain = await untilDrained(world, flags, calls, nodeId);
          show(world, flags, drain, formatDrain(nodeId, drain, world.nowMs()));
        }
      });
    });
}

/** It ends when the node is no longer draining: empty, or called off by somebody. */
async function untilDrained(
  world: VerbWorld,
  flags: VerbFlags,
  calls: ClusterCalls,
  nodeId: number,
): Promise<DrainView> {
  let last = '';
  for (;;) {
    try {
      const drain = await calls.drainProgress(nodeId);
      if (drain.state !== 'draining') {
        return drain;
      }
      const line = formatDrainLine(nodeId, drain);
      if (line !== last && flags['json'] !== true) {
        world.writeOut(`${line}\n`);
        last = line;
      }
    } catch (error) {
      if (isDynakvError(error) && error.retry === 'never') {
        throw error;
      }
      // The node that manages changes: asked again.
    }
    await world.pause(lookEveryMs);
  }
}
