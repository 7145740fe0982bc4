/**
 * The composition root: chooses the real parts, wires the verbs of the command line to them. No
 * logic of its own.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { newGrpcConnector } from './cli/grpc-control.ts';
import { pause } from './cli/launcher-world.ts';
import { runLocal } from './cli/local.ts';
import { nodeEnvironment, nodeFlags } from './cli/node-memory.ts';
import { NodeProcess } from './cli/node-process.ts';
import type { NodeWorld } from './cli/node-world.ts';
import { runProgram } from './cli/program.ts';
import { recoverCommand } from './cli/recover-command.ts';
import { listenForStop } from './cli/stop-signals.ts';
import { describeOptionsForHelp } from './config/describe-options.ts';
import { findMachineProblem, readMachine } from './config/machine.ts';
import { parseNodeOptions } from './config/parse-options.ts';
import { DynakvError } from './lib/errors.ts';
import { uuidOf } from './lib/uuid.ts';
import { socketFolderLock } from './storage/folder-lock.ts';
import { openRocksEngine, strayBindingError } from './storage/rocks-engine.ts';
import { silentLogger } from './sys/log.ts';
import type { Logger } from './sys/log.ts';
import { realClock } from './sys/real/clock.ts';
import { RealDisk } from './sys/real/disk.ts';
import { createLogger } from './sys/real/logger.ts';
import { realRandom } from './sys/real/random.ts';
import { realTimers } from './sys/real/timers.ts';

function readVersion(): string {
  const manifest = new URL('../package.json', import.meta.url);
  const built = new URL('../../package.json', import.meta.url);
  for (const url of [manifest, built]) {
    try {
      return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
    } catch {
      continue;
    }
  }
  return 'unknown';
}

function refuseThisMachine(): void {
  const problem = findMachineProblem(readMachine());
  if (problem !== undefined) {
    throw new DynakvError('Refused', problem);
  }
}

function realWorld(logger: Logger): Omit<NodeWorld, 'stop'> {
  return {
    version: readVersion(),
    disk: new RealDisk(),
    lock: socketFolderLock,
    clock: realClock,
    timers: realTimers,
    random: realRandom,
    logger,
    openEngine: openRocksEngine,
  };
}

async function runNode(flags: readonly string[]): Promise<number> {
  const parsed = parseNodeOptions(flags, process.env);
  if (!parsed.ok) {
    throw new DynakvError('ConfigInvalid', parsed.problems.join('\n'));
  }
  refuseThisMachine();
  const { options } = parsed;
  // Read by libuv at its first use of the pool, which lies ahead.
  process.env['UV_THREADPOOL_SIZE'] = String(options.uvThreads);
  const logger = createLogger({
    level: options.logLevel,
    format: options.logFormat,
    isTerminal: process.stdout.isTTY,
    fields: {},
  });
  logger.debug('Effective options', { options });
  const { stop, hurry } = listenForStop();
  hurry.addEventListener('abort', () => {
    // The log is made for this: what was acknowledged is on disk.
    logger.warn('Told to stop at once');
    process.exit(1);
  });
  const node = new NodeProcess(options, { ...realWorld(logger), stop });
  process.on('uncaughtException', (error) => {
    const stray = strayBindingError(error);
    logger.error('Uncaught error: the process ends', { error: stray ?? error });
    if (stray === undefined) {
      process.exit(70);
    }
    void node.failStore(stray).finally(() => {
      process.exit(1);
    });
  });
  return await node.run();
}

/** Runs one command line; sets the exit code. */
export async function runMain(commandLine: readonly string[]): Promise<void> {
  const connect = newGrpcConnector(realTimers);
  const writeOut = (text: string): void => {
    process.stdout.write(text);
  };
  process.exitCode = await runProgram(commandLine, {
    version: readVersion(),
    nodeHelp: describeOptionsForHelp(),
    runNode,
    runLocal: async (options) => {
      refuseThisMachine();
      const signals = listenForStop();
      return await runLocal(options, {
        program: [
          process.execPath,
          ...nodeFlags,
          fileURLToPath(new URL('./cli/dynakv.js', import.meta.url)),
        ],
        connect,
        write: writeOut,
        isTerminal: process.stdout.isTTY,
        environment: { ...nodeEnvironment, ...process.env },
        newId: () => uuidOf(realRandom.bytes(16)),
        ...signals,
      });
    },
    runRecover: async (flags) => {
      refuseThisMachine();
      const { stdin: input, stdout: output, env: environment } = process;
      return await recoverCommand(flags, realWorld(silentLogger), { input, output, environment });
    },
    connect,
    writeOut,
    writeError: (text) => {
      process.stderr.write(text);
    },
    isTerminal: process.stdout.isTTY,
    nowMs: () => realClock.wallMs(),
    pause,
  });
}
