/** `status`, `nodes`, `shards`, and the operator's hand on one shard: `shards move|transfer`. */
import type { Command } from 'commander';
import type { StatusView } from '../contract/status-types.ts';
import { changePlan } from './fenced-change.ts';
import { formatNodes } from './nodes-view.ts';
import { parseNodeId, parseWhole } from './quantities.ts';
import { formatReplicas } from './replicas-view.ts';
import { formatShards } from './shards-view.ts';
import { formatStatus } from './status-view.ts';
import { show, withCluster } from './verb-world.ts';
import type { VerbFlags, VerbWorld } from './verb-world.ts';

interface View {
  readonly name: string;
  readonly help: string;
  readonly format: (status: StatusView, flags: VerbFlags) => string;
}

const views: readonly View[] = [
  { name: 'status', help: 'Is the cluster well, and if not, what is wrong', format: formatStatus },
  { name: 'nodes', help: 'The nodes: state, shards led and held, disks', format: formatNodes },
  {
    name: 'shards',
    help: 'Where the shards lie: leaders, voters, learners by node; hashes, sizes, zones',
    format: (status, flags) =>
      flags['raft'] === true ? formatReplicas(status) : formatShards(status),
  },
];

export function addStatusVerbs(program: Command, world: VerbWorld): void {
  for (const view of views) {
    const command = program.command(view.name).description(view.help);
    world.addTargetOptions(command);
    command.option('--json', 'The whole answer as JSON');
    if (view.name === 'shards') {
      command.option('--raft', 'Terms, log indexes and lag of the copies instead of the grid');
      addShardChanges(command, world);
    }
    command.action(async (flags: VerbFlags) => {
      await withCluster(world, flags, async (calls) => {
        const status = await calls.status();
        show(world, flags, status, view.format(status, flags));
      });
    });
  }
}

function addShardChanges(shards: Command, world: VerbWorld): void {
  shards
    .command('move')
    .description('Move one copy of a shard from node to node, by hand')
    .argument('<shard>', 'Its number')
    .requiredOption('--from <node>', 'The node that has the copy: n1', parseNodeId)
    .requiredOption('--to <node>', 'The node that gets it: n4', parseNodeId)
    .action(async (shard: string, own: { from: number; to: number }, command: Command) => {
      const flags: VerbFlags = command.optsWithGlobals();
      const groupId = parseWhole(shard, 'a shard');
      await withCluster(world, flags, async (calls) => {
        const change = { groupId, fromNodeId: own.from, toNodeId: own.to };
        const reply = await changePlan(calls, (fence) => calls.moveReplica({ fence, ...change }));
        const text = `shard ${groupId}: a copy is to move from n${own.from} to n${own.to}`;
        show(world, flags, { ...change, ...reply }, `${text}; rebalance --watch shows it`);
      });
    });
  shards
    .command('transfer')
    .description('Hand the leadership of a shard to another of its copies, and prefer it there')
    .argument('<shard>', 'Its number')
    .requiredOption('--to <node>', 'The node that is to lead: n2', parseNodeId)
    .action(async (shard: string, own: { to: number }, command: Command) => {
      const flags: VerbFlags = command.optsWithGlobals();
      const groupId = parseWhole(shard, 'a shard');
      await withCluster(world, flags, async (calls) => {
        const change = { groupId, toNodeId: own.to };
        const reply = await changePlan(calls, (fence) =>
          calls.transferLeader({ fence, ...change }),
        );
        show(world, flags, { ...change, ...reply }, `shard ${groupId}: n${own.to} is to lead it`);
      });
    });
}
