/**
 * The operator for tests of crash points: it ends, as if killed, before its n-th write of a life
 * (`CRASH_BEFORE_WRITE=n`), be it to Kubernetes or to the database. Leases, events and status are no
 * writes in this sense: nothing is decided from them. Lives with n = 1, 2, 3 … are a crash at each
 * write of a scenario. Not part of the release image.
 */
import process from 'node:process';
import { realClock } from '../../node/sys/real/clock.ts';
import { createLogger } from '../../node/sys/real/logger.ts';
import { realRandom } from '../../node/sys/real/random.ts';
import { realTimers } from '../../node/sys/real/timers.ts';
import { kubeconfigConnection } from '../kube/kubeconfig-connection.ts';
import { podConnection } from '../kube/pod-connection.ts';
import { grpcDoors } from '../nodes/grpc-database.ts';
import { parseOperatorOptions } from '../reconcile/options.ts';
import { OperatorProcess } from '../reconcile/operator-process.ts';

if (import.meta.main) {
  const parsed = parseOperatorOptions(process.env);
  if ('problems' in parsed) {
    throw new Error(parsed.problems.join('\n'));
  }
  const { options } = parsed;
  const log = createLogger({ level: 'info', format: 'json', isTerminal: false, fields: {} });
  const limit = Number(process.env['CRASH_BEFORE_WRITE'] ?? '0');
  let writes = 0;
  const beforeWrite = (what: string): Promise<void> => {
    if (!/\/(leases|events)|\/status$/.test(what)) {
      writes += 1;
      if (writes === limit) {
        log.warn('Crash point', { before: what });
        process.kill(process.pid, 'SIGKILL');
        // It is gone before anything else is done.
        return new Promise(() => undefined);
      }
    }
    return Promise.resolve();
  };
  const { kubeconfig, accountFolder } = options;
  // Nodes of a model instead of those in pods: name of the pod → host:port, in plain text.
  const model = process.env['MODEL_ADDRESSES'];
  const addresses = model === undefined ? {} : (JSON.parse(model) as Record<string, string>);
  const modelled =
    model === undefined
      ? undefined
      : () =>
          grpcDoors({
            channelsOf: () => undefined,
            addressOf: (door) => addresses[door.pod] ?? '',
          });
  const operator = new OperatorProcess({
    ...{ options, log, beforeWrite, version: '0.0.0', hostName: 'crashing' },
    connection:
      podConnection(process.env, () => realClock.monotonicMs(), accountFolder) ??
      (await kubeconfigConnection({ kubeconfig })),
    ...{ clock: realClock, timers: realTimers, random: realRandom, processMetrics: false },
    doors: modelled ?? grpcDoors,
    onReplaced: () => process.exit(1),
  });
  process.once('SIGTERM', () => void operator.stop().finally(() => process.exit(0)));
  await operator.start();
}
