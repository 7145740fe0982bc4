/** Asks a node for the cluster's state the way a person does: `dynakv status --json`. */
import { join } from 'node:path';
import type { StatusView } from '../cli/cluster-control.ts';
import type { ProcessCluster } from '../test/processes/cluster.ts';
import { repositoryRoot } from '../test/processes/cluster.ts';
import { collect } from './wrk.ts';

export async function askStatus(cluster: ProcessCluster, node: number): Promise<StatusView> {
  const program = join(repositoryRoot, 'node', 'cli', 'dynakv.js');
  const endpoint = `127.0.0.1:${cluster.peerPort(node)}`;
  const args = [program, 'status', '--json', '--endpoint', endpoint];
  return JSON.parse(await collect(process.execPath, args)) as StatusView;
}
