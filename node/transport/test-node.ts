/**
 * For tests and benchmarks of this folder: a node's network and server on loopback, with real
 * timers, and what it saw. Nothing here is part of the product.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { silentLogger } from '../sys/log.ts';
import type { FrameKind, NodeId, PeerEvent } from '../sys/network.ts';
import { realRandom } from '../sys/real/random.ts';
import { realTimers } from '../sys/real/timers.ts';
import { plaintextChannels, type ChannelCredentialsSource } from './grpc-channel.ts';
import { GrpcNetwork } from './grpc-network.ts';
import {
  GrpcServer,
  plaintextServer,
  type GrpcServiceMount,
  type ServerCredentialsSource,
} from './grpc-server.ts';
import type { LocalIdentity, PeerMemory, PeerRecord } from './hello.ts';

export class TestMemory implements PeerMemory {
  readonly records = new Map<NodeId, PeerRecord>();

  get(nodeId: NodeId): PeerRecord | undefined {
    return this.records.get(nodeId);
  }

  async put(nodeId: NodeId, record: PeerRecord): Promise<void> {
    await Promise.resolve();
    this.records.set(nodeId, record);
  }
}

export interface TestNodeOptions {
  readonly nodeId: NodeId;
  readonly bootNonces?: readonly string[];
  readonly clusterId?: string;
  readonly port?: number;
  readonly memory?: PeerMemory;
  readonly channels?: ChannelCredentialsSource;
  readonly credentials?: ServerCredentialsSource;
  readonly services?: readonly GrpcServiceMount[];
  readonly queueBytesMax?: number;
  readonly onQuarantined?: (by: NodeId, failure: string) => void;
  readonly onRemoved?: (by: NodeId) => void;
  readonly address?: string;
  readonly onAddress?: (nodeId: NodeId, address: string) => void;
}

export class TestNode {
  readonly nodeId: NodeId;
  readonly network: GrpcNetwork;
  readonly server: GrpcServer;
  readonly events: PeerEvent[] = [];
  readonly frames: { from: NodeId; kind: FrameKind; payload: Buffer }[] = [];

  private constructor(nodeId: NodeId, network: GrpcNetwork, server: GrpcServer) {
    this.nodeId = nodeId;
    this.network = network;
    this.server = server;
    network.onPeer((event) => this.events.push(event));
    network.onFrame((from, kind, payload) => this.frames.push({ from, kind, payload }));
  }

  static async open(options: TestNodeOptions): Promise<TestNode> {
    const { nodeId } = options;
    const identity: LocalIdentity = {
      clusterId: options.clusterId ?? 'test-cluster',
      nodeId,
      storeId: `store-${nodeId}`,
      bootNonces: options.bootNonces ?? [`boot-${nodeId}`],
      logPosition: 0,
      ...(options.address === undefined ? {} : { address: options.address }),
    };
    const network = new GrpcNetwork({
      identity: () => identity,
      memory: options.memory ?? new TestMemory(),
      channels: options.channels ?? plaintextChannels,
      timers: realTimers,
      random: realRandom,
      log: silentLogger,
      ...(options.queueBytesMax === undefined ? {} : { queueBytesMax: options.queueBytesMax }),
      ...(options.onAddress === undefined ? {} : { onAddress: options.onAddress }),
      ...(options.onRemoved === undefined ? {} : { onRemoved: options.onRemoved }),
      ...(options.onQuarantined === undefined ? {} : { onQuarantined: options.onQuarantined }),
    });
    const server = await GrpcServer.open({
      host: '127.0.0.1',
      port: options.port ?? 0,
      credentials: options.credentials ?? plaintextServer,
      timers: realTimers,
      peers: network.peerService,
      services: options.services ?? [],
    });
    return new TestNode(nodeId, network, server);
  }

  get address(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  /** Makes the others its peers. */
  meet(...others: readonly { readonly nodeId: NodeId; readonly address: string }[]): void {
    this.network.setPeers(others.map(({ nodeId, address }) => ({ nodeId, address })));
  }

  async close(): Promise<void> {
    this.network.close();
    await this.server.close();
  }
}

/** Resolves when `condition` holds; fails after five seconds. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries === 1_000) {
      throw new Error(`The condition did not come to hold: ${condition.toString()}`);
    }
    await sleep(5);
  }
}
