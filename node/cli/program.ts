/**
 * The command line: verbs and their arguments. What a verb does comes in from `main.ts`; this file
 * knows neither the node nor gRPC. A refusal is one line on the error output and exit code 1.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { ConnectControl, ControlTls, StatusView } from './cluster-control.ts';
import type { LocalOptions } from './local-plan.ts';
import { formatNodes } from './nodes.ts';
import { formatShards } from './shards.ts';
import { formatStatus } from './status.ts';

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

interface ViewFlags {
  readonly endpoint: string;
  readonly json?: true;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

interface LocalFlags {
  readonly nodes: number;
  readonly shards?: number;
  readonly port: number;
  readonly data: string;
}

const views: readonly {
  readonly name: string;
  readonly help: string;
  readonly format: (status: StatusView) => string;
}[] = [
  { name: 'status', help: 'Is the cluster well, and if not, what is wrong', format: formatStatus },
  { name: 'nodes', help: 'The nodes: state, shards led and held', format: formatNodes },
  { name: 'shards', help: 'The shards: leader, copies, applied index, lag', format: formatShards },
];

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
    .option('--data <folder>', 'Data folder', '.data/local')
    .argument('[nodeArguments...]', 'After --: options passed on to every node')
    .action(async (nodeArguments: string[], flags: LocalFlags) => {
      const { nodes, shards, port, data } = flags;
      exitCode = await actions.runLocal({
        nodeCount: nodes,
        shardCount: shards,
        port,
        dataFolder: data,
        nodeArguments,
      });
    });
  addRecover(program, actions, (code) => (exitCode = code));
  for (const view of views) {
    program
      .command(view.name)
      .description(view.help)
      .option('--endpoint <host:port>', 'Peers port of any node', '127.0.0.1:7000')
      .option('--json', 'The whole answer as JSON')
      .option('--tls-ca <file>', 'Authorities of the cluster, PEM (with the next two)')
      .option('--tls-cert <file>', 'Certificate of this client, PEM')
      .option('--tls-key <file>', 'Its private key, PEM')
      .action(async (flags: ViewFlags) => {
        const status = await askStatus(flags, actions.connect);
        const text = flags.json === true ? JSON.stringify(status, null, 2) : view.format(status);
        actions.writeOut(`${text}\n`);
      });
  }
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
    actions.writeError(`${messageOf(error)}\n`);
    return 1;
  }
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

async function askStatus(flags: ViewFlags, connect: ConnectControl): Promise<StatusView> {
  const { endpoint } = flags;
  const control = connect(endpoint, readTls(flags));
  try {
    return await control.status();
  } catch (error) {
    const reason = messageOf(error);
    throw new Error(`Cannot ask the node at ${endpoint}: ${reason}`, { cause: error });
  } finally {
    control.close();
  }
}

function readTls(flags: ViewFlags): ControlTls | undefined {
  const { tlsCa, tlsCert, tlsKey } = flags;
  if (tlsCa !== undefined && tlsCert !== undefined && tlsKey !== undefined) {
    return { caFile: tlsCa, certFile: tlsCert, keyFile: tlsKey };
  }
  if (tlsCa !== undefined || tlsCert !== undefined || tlsKey !== undefined) {
    throw new DynakvError(
      'ConfigInvalid',
      'Cannot use TLS with a part of its files: give all three',
    );
  }
  return undefined;
}
