/**
 * The command line: verbs and their arguments. What a verb does comes in from `main.ts`; this file
 * knows neither the node nor gRPC. A refusal is one line on the error output and exit code 1.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { messageOf } from '../lib/errors.ts';
import { addClusterVerbs } from '../verbs/cluster-verbs.ts';
import { describeFailure } from '../verbs/failure-line.ts';
import type { ConnectControl } from './cluster-control.ts';
import { addTargetOptions, openCluster } from './cluster-finder.ts';
import type { LocalOptions } from './local-plan.ts';
import { dataFolderDefault } from './local-plan.ts';
import { addLocalVerbs } from './local-verbs.ts';

export interface ProgramActions {
  readonly version: string;
  readonly nodeHelp: string;
  /** Resolves to the exit code when the node has ended. */
  readonly runNode: (flags: readonly string[]) => Promise<number>;
  readonly runLocal: (options: LocalOptions) => Promise<number>;
  readonly runRecover: (flags: RecoverFlags) => Promise<number>;
  readonly connect: ConnectControl;
  readonly writeOut: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** The output may be drawn over. */
  readonly isTerminal: boolean;
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/** Of `dynakv recover`, as given. */
export interface RecoverFlags {
  readonly data: readonly string[];
  readonly lost: readonly number[];
  /** Files. */
  readonly reports: readonly string[];
  readonly report: boolean;
  readonly unsafe: boolean;
  readonly createEmpty: boolean;
}

interface LocalFlags {
  readonly nodes: number;
  readonly shards?: number;
  readonly port: number;
  readonly data: string;
  readonly zones?: readonly string[];
}

function toInteger(text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new InvalidArgumentError('expected a whole number');
  }
  return Number(text);
}

/** Runs one command line (without program names); resolves to the exit code. */
export async function runProgram(
  commandLine: readonly string[],
  actions: ProgramActions,
): Promise<number> {
  // Its flags have a table of their own, which reports all problems at once.
  if (commandLine[0] === 'node') {
    return await runNode(commandLine.slice(1), actions);
  }
  let exitCode = 0;
  const program = new Command('dynakv')
    .description('A replicated database that speaks the DynamoDB wire protocol')
    .version(actions.version, '--version', 'Show the version')
    .helpOption('--help', 'Show this help')
    .configureOutput({ writeOut: actions.writeOut, writeErr: actions.writeError })
    .exitOverride();
  program
    .command('node')
    .description('Run one node (dynakv node --help lists its options)')
    .allowUnknownOption();
  program
    .command('local')
    .description('Run a whole cluster on this machine, one process a node')
    .option('--nodes <count>', 'Number of nodes: 1, 3 or 5', toInteger, 3)
    .option('--port <port>', 'Client port of the first node', toInteger, 8000)
    .option('--shards <count>', 'Shards of a new cluster: a power of two (default 16)', toInteger)
    .option('--data <folder>', 'Data folder', dataFolderDefault)
    .option('--zones <names>', 'Zones of the nodes of a new cluster, in turn: a,b,c', toNames)
    .argument('[nodeArguments...]', 'After --: options passed on to every node')
    .action(async (nodeArguments: string[], flags: LocalFlags) => {
      const { nodes, shards, port, data, zones } = flags;
      exitCode = await actions.runLocal({
        nodeCount: nodes,
        shardCount: shards,
        port,
        dataFolder: data,
        zones,
        nodeArguments,
      });
    });
  addLocalVerbs(program, actions);
  addRecover(program, actions, (code) => (exitCode = code));
  addClusterVerbs(program, {
    ...actions,
    addTargetOptions,
    open: (flags) => openCluster(flags, actions.connect),
  });
  program
    .command('version')
    .description('Show the version')
    .action(() => {
      actions.writeOut(`${actions.version}\n`);
    });
  try {
    await program.parseAsync([...commandLine], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode;
    }
    actions.writeError(`${describeFailure(error, commandLine.includes('--json'))}\n`);
    return 1;
  }
}

function toNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) {
    throw new InvalidArgumentError('expected names with commas between them');
  }
  return names;
}

function toNodeIds(text: string): number[] {
  return text.split(',').map((part) => toInteger(part.trim().replace(/^n/, '')));
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function addRecover(
  program: Command,
  actions: ProgramActions,
  ended: (exitCode: number) => void,
): void {
  program
    .command('recover')
    .description('The way out of a lost majority, offline, at the price of data')
    .option(
      '--data <folder>',
      'Data folder of a node that is left, stopped; repeatable',
      collect,
      [],
    )
    .option('--lost <nodes>', 'Nodes that never come back: n3,n4', toNodeIds, [])
    .option('--reports <file>', 'Report of a disk on another machine; repeatable', collect, [])
    .option('--report', 'Only print what the disks hold, for --reports elsewhere')
    .option('--create-empty', 'Begin shards empty of which no copy is left')
    .option('--unsafe', 'Carry it out, after asking twice; without it the plan is only shown')
    .action(async (flags: Partial<RecoverFlags>) => {
      const { data = [], lost = [], reports = [] } = flags;
      const [report, unsafe] = [flags.report === true, flags.unsafe === true];
      const createEmpty = flags.createEmpty === true;
      ended(await actions.runRecover({ data, lost, reports, report, unsafe, createEmpty }));
    });
}

async function runNode(flags: readonly string[], actions: ProgramActions): Promise<number> {
  if (flags.includes('--help')) {
    actions.writeOut(actions.nodeHelp);
    return 0;
  }
  try {
    return await actions.runNode(flags);
  } catch (error) {
    actions.writeError(`${messageOf(error)}\n`);
    return 1;
  }
}
