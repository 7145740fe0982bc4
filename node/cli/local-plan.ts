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
  /** Zones of the nodes of a new cluster, given to them in turn; default: none. */
  readonly zones?: readonly string[] | undefined;
  /** Arguments passed on to every node. */
  readonly nodeArguments: readonly string[];
}

/** A node as the data folder remembers it. */
export interface LocalMember {
  /** From 1, never used again: names its folder and its ports. */
  readonly place: number;
  /** 0: it was to join, and nobody knows yet whether it did. */
  readonly nodeId: number;
  /** The client port of place 1 when its address was told to the cluster. */
  readonly port: number;
  readonly zone: string;
  readonly removed: boolean;
}

export interface LocalNode {
  readonly name: string;
  readonly place: number;
  readonly nodeId: number;
  readonly zone: string;
  readonly dataFolder: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly opsPort: number;
}

export const dataFolderDefault = '.data/local';

/** Small, so that a laptop's cluster starts fast; a power of two, fixed for good. */
export const localShardCount = 16;
const nodeCounts = [1, 3, 5];
const peerOffset = -1000;
const opsOffset = 1100;
const portMin = 2024;
const portMax = 64_430;
const host = '127.0.0.1';
/** Of each shard, as soon as there are nodes for them: a lone node keeps one. */
const replicationFactor = 3;
/** The ports of peers, clients and operations must stay apart. */
export const placeMax = 999;

/** What a new cluster begins with. */
export function birthMembers(
  { nodeCount, zones = [] }: LocalOptions,
  port: number,
): readonly LocalMember[] {
  return Array.from({ length: nodeCount }, (_none, index) => {
    const zone = zones[index % Math.max(1, zones.length)] ?? '';
    return { place: index + 1, nodeId: index + 1, port, zone, removed: false };
  });
}

/** Refuses options that cannot be meant. */
export function checkLocalOptions(options: LocalOptions): void {
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
}

export function planNode(options: LocalOptions, member: LocalMember): LocalNode {
  const { place, nodeId, zone } = member;
  const clientPort = options.port + place - 1;
  return {
    name: `n${nodeId === 0 ? place : nodeId}`,
    ...{ place, nodeId, zone, clientPort },
    dataFolder: `${options.dataFolder}/n${place}`,
    peerPort: clientPort + peerOffset,
    opsPort: clientPort + opsOffset,
  };
}

export function nodePorts({ clientPort, peerPort, opsPort }: LocalNode): readonly number[] {
  return [clientPort, peerPort, opsPort];
}

/** Those that are to run. */
export function planNodes(
  options: LocalOptions,
  members: readonly LocalMember[],
): readonly LocalNode[] {
  return members.filter(({ removed }) => !removed).map((member) => planNode(options, member));
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
  const known = options.overrides.filter(({ nodeId }) => nodeId !== 0);
  const overrides = known.map((each) => `${each.nodeId}=${peerEndpoint(each)}`);
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

/** How the cluster is to know a node. */
export function memberView(node: LocalNode): MemberView {
  return {
    nodeId: node.nodeId,
    address: peerEndpoint(node),
    clientAddress: `${host}:${node.clientPort}`,
    opsAddress: `${host}:${node.opsPort}`,
    zone: node.zone,
  };
}

export function planInit(
  nodes: readonly LocalNode[],
  cluster: Pick<LocalCluster, 'clusterId' | 'createdAtMs' | 'shardCount'>,
): InitPlan {
  const members = nodes.map(memberView);
  return {
    clusterId: cluster.clusterId,
    createdAtMs: cluster.createdAtMs,
    members,
    shardCount: cluster.shardCount,
    replicationFactor,
  };
}

/** A node's three doors, in a line. */
export function describeNode(node: LocalNode): string {
  return (
    `  ${node.name}  clients ${clientUrl(node)}   peers ${peerEndpoint(node)}   ` +
    `metrics http://${host}:${node.opsPort}/metrics`
  );
}

/** Endpoints and commands to try, as the person sees them before the ready line. */
export function describeCluster(nodes: readonly LocalNode[], options: LocalOptions): string {
  const first = nodes[0];
  if (first === undefined) {
    return '';
  }
  const url = clientUrl(first);
  const program = 'node/cli/dynakv.js';
  const isDefault = options.dataFolder === dataFolderDefault;
  const data = isDefault ? '' : ` --data ${options.dataFolder}`;
  const last = nodes.at(-1)?.name ?? '';
  const next = Math.max(...nodes.map(({ place }) => place)) + 1;
  const commands = [
    ['add-node', `n${next} joins, and takes its share`],
    ['rebalance --watch', 'what moves, how far, how fast'],
    [`drain n${next}`, 'its shards go elsewhere; --cancel calls it off'],
    [`remove n${next}`, 'for good, once it is drained'],
    [`kill ${last}`, 'kill -9, and no restart'],
    [`start ${last}`, 'it comes back, and catches up'],
  ] as const;
  const width = Math.max(...commands.map(([verb]) => `${program} ${verb}${data}`.length));
  return [
    '',
    `Data in ${options.dataFolder}; Ctrl-C stops everything. Every node serves every request:`,
    ...nodes.map(describeNode),
    '',
    'Try:',
    `  curl -X PUT ${url}/key/user1 -d '{"city":"Oslo"}'`,
    `  curl ${url}/key/user1`,
    `  aws dynamodb list-tables --endpoint-url ${url} --region us-east-1 --no-sign-request`,
    `  ${program} status${data}`,
    '',
    'Grow, shrink and break it, from another terminal:',
    ...commands.map(([verb, what]) => `  ${`${program} ${verb}${data}`.padEnd(width)}  # ${what}`),
    '',
  ].join('\n');
}
