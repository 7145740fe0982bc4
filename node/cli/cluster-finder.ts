/**
 * How the command line finds a cluster: the node that is named, else the nodes that a launcher runs
 * on the data folder, else the port that a node has by default.
 */
import type { Command } from 'commander';
import type { ClusterCalls } from '../contract/cluster-calls.ts';
import { DynakvError } from '../lib/errors.ts';
import { FoundCluster } from '../verbs/found-cluster.ts';
import type { VerbFlags } from '../verbs/verb-world.ts';
import type { ConnectControl, ControlTls } from './cluster-control.ts';
import { findRunning } from './local-data.ts';
import { dataFolderDefault } from './local-plan.ts';

const endpointDefault = '127.0.0.1:7000';

interface TargetFlags {
  readonly endpoint?: string;
  readonly data: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

export function addTargetOptions(command: Command): void {
  command
    .option('--endpoint <host:port>', 'Peers port of any node; default: those of the local cluster')
    .option('--data <folder>', 'Data folder of the local cluster', dataFolderDefault)
    .option('--tls-ca <file>', 'Authorities of the cluster, PEM (with the next two)')
    .option('--tls-cert <file>', 'Certificate of this client, PEM')
    .option('--tls-key <file>', 'Its private key, PEM');
}

export function openCluster(flags: VerbFlags, connect: ConnectControl): ClusterCalls {
  const target = flags as unknown as TargetFlags;
  const endpoints = findEndpoints(target);
  const tls = readTls(target);
  return new FoundCluster(
    async () => await Promise.resolve(endpoints),
    (endpoint) => connect(endpoint, tls),
  );
}

/** Peers ports, to be tried in turn; at least one. */
function findEndpoints({ endpoint, data }: TargetFlags): readonly string[] {
  if (endpoint !== undefined) {
    return [endpoint];
  }
  const running = findRunning(data);
  return running === undefined || running.length === 0 ? [endpointDefault] : running;
}

function readTls({ tlsCa, tlsCert, tlsKey }: TargetFlags): ControlTls | undefined {
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
