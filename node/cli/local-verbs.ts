/**
 * The verbs that only a local cluster has, as processes come and go there by a person's word: they
 * are told to the launcher through the socket in its data folder.
 */
import type { Command } from 'commander';
import { askLauncher } from './control-socket.ts';
import type { ControlAnswer, ControlRequest } from './control-socket.ts';
import { dataFolderDefault } from './local-plan.ts';

export interface LocalVerbsWorld {
  readonly writeOut: (text: string) => void;
}

interface Flags {
  readonly data: string;
  readonly zone?: string;
  readonly json?: true;
}

function withFlags(command: Command): Command {
  return command
    .option('--data <folder>', 'Data folder of the local cluster', dataFolderDefault)
    .option('--json', 'The result as JSON, without the steps on the way');
}

export function addLocalVerbs(program: Command, { writeOut }: LocalVerbsWorld): void {
  const run = async (flags: Flags, request: ControlRequest): Promise<void> => {
    const isJson = flags.json === true;
    const answer: ControlAnswer = await askLauncher(flags.data, request, (text) => {
      if (!isJson) {
        writeOut(`${text}\n`);
      }
    });
    if (isJson) {
      writeOut(`${JSON.stringify(answer, null, 2)}\n`);
    }
  };
  withFlags(program.command('add-node'))
    .description('One more node for the local cluster: it joins, and takes its share of the shards')
    .option('--zone <zone>', 'Zone that it stands in; needed once the other nodes have one')
    .action(async (flags: Flags) => {
      const zone = flags.zone === undefined ? {} : { zone: flags.zone };
      await run(flags, { verb: 'add-node', ...zone });
    });
  withFlags(program.command('remove'))
    .description('Remove a drained node of the local cluster for good, and end its process')
    .argument('<node>', 'Its name: n4')
    .action(async (node: string, flags: Flags) => {
      await run(flags, { verb: 'remove', node });
    });
  withFlags(program.command('kill'))
    .description('kill -9 a node of the local cluster; it stays down until it is started')
    .argument('<node>', 'Its name: n2')
    .action(async (node: string, flags: Flags) => {
      await run(flags, { verb: 'kill', node });
    });
  withFlags(program.command('start'))
    .description('Start a node of the local cluster that was killed')
    .argument('<node>', 'Its name: n2')
    .action(async (node: string, flags: Flags) => {
      await run(flags, { verb: 'start', node });
    });
}
