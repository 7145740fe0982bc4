/** `settings`: limits of movement, the grace period of a node that is away, copies wanted. */
import type { Command } from 'commander';
import type { SettingsChange, SettingsView } from '../contract/cluster-calls.ts';
import { changeSettings } from './fenced-change.ts';
import {
  formatBytes,
  formatDuration,
  parseBytes,
  parseDuration,
  parseWhole,
} from './quantities.ts';
import { show, withCluster } from './verb-world.ts';
import type { VerbFlags, VerbWorld } from './verb-world.ts';

interface SettingsFlags {
  readonly mode?: string;
  readonly moves?: string;
  readonly rate?: string;
  readonly grace?: string;
  readonly copies?: string;
  readonly allowFewerCopies?: true;
}

export function formatSettings(settings: SettingsView): string {
  const { rebalanceMode, concurrentMovesMax, snapshotBytesPerSecond } = settings;
  return [
    `mode      ${rebalanceMode}: ${modes[rebalanceMode] ?? 'unknown to this program'}`,
    `moves     ${concurrentMovesMax} at a time`,
    `rate      ${formatBytes(snapshotBytesPerSecond)}/s sent by one node at most`,
    `grace     ${formatDuration(settings.deadNodeGraceMs)}: a node away for longer is replaced`,
    `copies    ${settings.replicationFactor} of each shard wanted`,
    `features  finalised ${settings.finalizeMode === 'Auto' ? 'by themselves' : 'by hand'}`,
  ].join('\n');
}

const modes: Readonly<Record<string, string>> = {
  Auto: 'plans by itself after every change',
  Manual: 'repairs and drains only',
  Paused: 'only what is under way ends',
};

function changeOf(flags: SettingsFlags): SettingsChange {
  const { mode, moves, rate, grace, copies } = flags;
  return {
    ...(mode === undefined ? {} : { rebalanceMode: mode }),
    ...(moves === undefined ? {} : { concurrentMovesMax: parseWhole(moves, '--moves') }),
    ...(rate === undefined ? {} : { snapshotBytesPerSecond: parseBytes(rate) }),
    ...(grace === undefined ? {} : { deadNodeGraceMs: parseDuration(grace) }),
    ...(copies === undefined ? {} : { replicationFactor: parseWhole(copies, '--copies') }),
  };
}

export function addSettingsVerb(program: Command, world: VerbWorld): void {
  const command = program
    .command('settings')
    .description('Limits of movement and the grace period; with options, changes them');
  world.addTargetOptions(command);
  command
    .option('--json', 'The settings as JSON')
    .option('--mode <mode>', 'Auto, Manual or Paused')
    .option('--moves <count>', 'Moves at a time')
    .option('--rate <bytes>', 'Bytes a second that one node sends for moves at most: 64MB')
    .option('--grace <time>', 'How long a node may be away before it is replaced: 5m')
    .option('--copies <count>', 'Copies of each shard that are wanted')
    .option('--allow-fewer-copies', 'Lets --copies be less than it is')
    .action(async (flags: SettingsFlags & VerbFlags) => {
      const settings = changeOf(flags);
      const allowLowerReplication = flags.allowFewerCopies === true;
      await withCluster(world, flags, async (calls) => {
        const isChange = Object.keys(settings).length > 0;
        const now = isChange
          ? await changeSettings(calls, (fence) =>
              calls.updateSettings({ fence, settings, allowLowerReplication }),
            )
          : await calls.settings();
        show(world, flags, now, formatSettings(now));
      });
    });
}
