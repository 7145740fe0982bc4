/**
 * The plan of a local cluster, pure: which node listens where, with which arguments it is started,
 * who is named at init, and which texts greet the person. Node k, from 1, serves clients at
 * PORT+k−1, peers at PORT−1000+k−1 and operations at PORT+1100+k−1, all on loopback.
 */
import { DynakvError } from '../lib/errors.ts';
import { isShardCount, shardCountMax } from '../shards/shard-map.ts';
import type { InitPlan, MemberView } from './cluster-control.ts';
import type { LocalCluster } from './local-data.ts';

export interface LocalOptions {
  readonly nodeCount: number;
  /** Of a new cluster, fixed for good; a power of two. Default 16. */
  readonly shardCount?: number | undefined;
  readonly port: number;
  readonly dataFolder: string;
  /** Arguments passed on to every node. */
  readonly nodeArguments: readonly string[];
}

export interface LocalNode {
  readonly name: string;
  readonly nodeId: number;
  readonly dataFolder: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly opsPort: number;
}

/** Small, so that a laptop's cluster starts fast; a power of two, fixed for good. */
export const localShardCount = 16;
const nodeCounts = [1, 3, 5];
const peerOffset = -1000;
const opsOffset = 1100;
const portMin = 2024;
const portMax = 64_430;
const host = '127.0.0.1';

export function planNodes(options: LocalOptions): readonly LocalNode[] {
  if (!nodeCounts.includes(options.nodeCount)) {
    throw new DynakvError(
      'ConfigInvalid',
      `Cannot start this number of nodes: NODES is 1, 3 or 5, not ${options.nodeCount}`,
    );
  }
  if (options.shardCount !== undefined && !isShardCount(options.shardCount)) {
    throw new DynakvError(
      'ConfigInvalid',
      `Cannot make this number of shards: --shards is a power of two up to ${shardCountMax}, ` +
        `not ${options.shardCount}`,
    );
  }
  if (!(options.port >= portMin && options.port <= portMax)) {
    throw new DynakvError(
      'ConfigInvalid',
      `Cannot use this port: PORT is ${portMin} to ${portMax}, not ${options.port}`,
    );
  }
  return Array.from({ length: options.nodeCount }, (_none, index) => ({
    name: `n${index + 1}`,
    nodeId: index + 1,
    dataFolder: `${options.dataFolder}/n${index + 1}`,
    clientPort: options.port + index,
    peerPort: options.port + peerOffset + index,
    opsPort: options.port + opsOffset + index,
  }));
}

export function peerEndpoint(node: LocalNode): string {
  return `${host}:${node.peerPort}`;
}

export function clientUrl(node: LocalNode): string {
  return `http://${host}:${node.clientPort}`;
}

/** Arguments of `dynakv` that start one node. `overrides`: all nodes, when their ports moved. */
export function nodeArguments(
  node: LocalNode,
  options: {
    readonly logFormat: 'json' | 'pretty';
    readonly overrides: readonly LocalNode[];
    readonly more: readonly string[];
  },
): readonly string[] {
  const overrides = options.overrides.map((each) => `${each.nodeId}=${peerEndpoint(each)}`);
  return [
    'node',
    `--data=${node.dataFolder}`,
    `--client-listen=${host}:${node.clientPort}`,
    `--peer-listen=${peerEndpoint(node)}`,
    `--ops-listen=${host}:${node.opsPort}`,
    `--log-format=${options.logFormat}`,
    ...(overrides.length > 0 ? [`--peer-overrides=${overrides.join(',')}`] : []),
    ...options.more,
  ];
}

export function planInit(
  nodes: readonly LocalNode[],
  cluster: Pick<LocalCluster, 'clusterId' | 'createdAtMs' | 'shardCount'>,
): InitPlan {
  const members: readonly MemberView[] = nodes.map((node) => ({
    nodeId: node.nodeId,
    address: peerEndpoint(node),
    clientAddress: `${host}:${node.clientPort}`,
    opsAddress: `${host}:${node.opsPort}`,
    zone: '',
  }));
  return {
    clusterId: cluster.clusterId,
    createdAtMs: cluster.createdAtMs,
    members,
    shardCount: cluster.shardCount,
    replicationFactor: Math.min(3, nodes.length),
  };
}

/** Endpoints and commands to try, as the person sees them before the ready line. */
export function describeCluster(nodes: readonly LocalNode[], options: LocalOptions): string {
  const first = nodes[0];
  if (first === undefined) {
    return '';
  }
  const url = clientUrl(first);
  const list = nodes.map(
    (node) =>
      `  ${node.name}  clients ${clientUrl(node)}   peers ${peerEndpoint(node)}   ` +
      `metrics http://${host}:${node.opsPort}/metrics`,
  );
  const endpoint = peerEndpoint(first);
  return [
    '',
    `Data in ${options.dataFolder}; Ctrl-C stops everything. Every node serves every request:`,
    ...list,
    '',
    'Try:',
    `  curl -X PUT ${url}/key/user1 -d '{"city":"Oslo"}'`,
    `  curl ${url}/key/user1`,
    `  aws dynamodb list-tables --endpoint-url ${url} --region us-east-1 --no-sign-request`,
    `  node/cli/dynakv.js status --endpoint ${endpoint}`,
    '',
  ].join('\n');
}
