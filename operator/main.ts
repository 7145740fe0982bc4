/**
 * The operator as a program: options from the environment, real parts of the world, signals. No
 * logic of its own.
 */
import { hostname } from 'node:os';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { realClock } from '../node/sys/real/clock.ts';
import { createLogger } from '../node/sys/real/logger.ts';
import { realRandom } from '../node/sys/real/random.ts';
import { realTimers } from '../node/sys/real/timers.ts';
import type { KubeConnection } from './kube/connection.ts';
import { kubeconfigConnection } from './kube/kubeconfig-connection.ts';
import { podConnection } from './kube/pod-connection.ts';
import { grpcDoors } from './nodes/grpc-database.ts';
import { parseOperatorOptions } from './reconcile/options.ts';
import type { OperatorOptions } from './reconcile/options.ts';
import { OperatorProcess } from './reconcile/operator-process.ts';

/** Exit codes: of a process that was told to stop, of wrong options, of one that was replaced. */
const exitCodes = { stopped: 0, failed: 1, wrongOptions: 2 };

const parsed = parseOperatorOptions(process.env);
if ('problems' in parsed) {
  for (const problem of parsed.problems) {
    process.stderr.write(`Cannot start: ${problem}\n`);
  }
  process.exit(exitCodes.wrongOptions);
}
await run(parsed.options);

async function run(options: OperatorOptions): Promise<void> {
  const log = createLogger({
    ...{ level: options.logLevel, format: 'auto', isTerminal: process.stdout.isTTY },
    fields: {},
  });
  const end = (code: number): void => {
    process.exit(code);
  };
  let connection: KubeConnection;
  try {
    connection =
      podConnection(process.env, () => realClock.monotonicMs(), options.accountFolder) ??
      (await kubeconfigConnection({ kubeconfig: options.kubeconfig }));
  } catch (error) {
    log.error('Cannot find the API server', { error });
    end(exitCodes.failed);
    return;
  }
  const operator = new OperatorProcess({
    ...{ options, connection, log, version: ownVersion(), hostName: hostname() },
    ...{ clock: realClock, timers: realTimers, random: realRandom, processMetrics: true },
    doors: grpcDoors,
    onReplaced: () => {
      log.error('Another operator has the Lease: this process ends');
      end(exitCodes.failed);
    },
  });
  const stop = (signal: string): void => {
    log.info('Stopping', { signal });
    void operator.stop().finally(() => end(exitCodes.stopped));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // A failure that nobody handled: what was under way is seen anew by the next life.
  process.on('unhandledRejection', (error) => {
    log.error('Unhandled failure', { error });
    end(exitCodes.failed);
  });
  await operator.start();
}

function ownVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
