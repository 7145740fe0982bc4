/** `plan`: what would move if nodes came, went or stood elsewhere. Changes nothing. */
import type { Command } from 'commander';
import { DynakvError } from '../lib/errors.ts';
import type { PlanRequestView } from '../contract/cluster-calls.ts';
import { formatPlan } from './plan-view.ts';
import { parseNodeId, parseWhole } from './quantities.ts';
import { show, withCluster } from './verb-world.ts';
import type { VerbFlags, VerbWorld } from './verb-world.ts';

const addMax = 100;

interface PlanFlags {
  readonly add?: string;
  readonly zone?: readonly string[];
  readonly drain?: readonly number[];
  readonly zones?: PlanRequestView['zones'];
}

function parseNodes(text: string): readonly number[] {
  return text.split(',').map((part) => parseNodeId(part.trim()));
}

/** `n1=a,n2=b`. */
function parseZones(text: string): PlanRequestView['zones'] {
  return text.split(',').map((part) => {
    const [node = '', zone = ''] = part.split('=');
    if (zone === '') {
      throw new DynakvError('ConfigInvalid', `Cannot understand zones: n1=a,n2=b, not "${text}"`);
    }
    return { nodeId: parseNodeId(node.trim()), zone: zone.trim() };
  });
}

/** One zone for each node that is to come, or one for all of them. */
function addedNodes({ add = '0', zone = [] }: PlanFlags): PlanRequestView['add'] {
  const count = parseWhole(add, '--add');
  if (count > addMax) {
    throw new DynakvError('ConfigInvalid', `Cannot plan for so many: --add is at most ${addMax}`);
  }
  if (zone.length > 1 && zone.length !== count) {
    throw new DynakvError(
      'ConfigInvalid',
      `Cannot plan for ${count} nodes in ${zone.length} zones: give --zone once, or once a node`,
    );
  }
  return Array.from({ length: count }, (_none, index) => ({
    zone: zone[index] ?? zone[0] ?? '',
    weight: 0,
  }));
}

export function addPlanVerb(program: Command, world: VerbWorld): void {
  const command = program
    .command('plan')
    .description('What would move, how many bytes, how long, what would be refused; moves nothing');
  world.addTargetOptions(command);
  command
    .option('--json', 'The whole answer as JSON')
    .option('--add <count>', 'So many nodes more')
    .option('--zone <zone>', 'Zone of the nodes to come; once, or once a node', collect, [])
    .option('--drain <nodes>', 'Nodes that are to be emptied: n2,n3', parseNodes)
    .option('--zones <zones>', 'Zones to assume instead of the known ones: n1=a,n2=b', parseZones)
    .action(async (flags: PlanFlags & VerbFlags) => {
      const request: PlanRequestView = {
        add: addedNodes(flags),
        drainNodeIds: flags.drain ?? [],
        zones: flags.zones ?? [],
      };
      await withCluster(world, flags, async (calls) => {
        const plan = await calls.plan(request);
        show(world, flags, plan, formatPlan(plan));
      });
    });
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
