/**
 * The database over its admin API: a pod is dialled by its address, and its certificate is checked
 * against its name (O26), so that nothing depends on the DNS of where the operator runs. The
 * operator's certificate and the authorities come from the cluster's Secrets, for each door anew.
 */
import { AdminClient } from '../../node/admin/grpc-admin-client.ts';
import { toPlain } from '../../node/admin/plain-message.ts';
import type { RefusalView, StatusView } from '../../node/contract/status-types.ts';
import type { ChannelCredentialsSource } from '../../node/transport/grpc-channel.ts';
import type {
  DatabaseSettings,
  Door,
  DrainProgress,
  Fence,
  Identity,
  InitPlan,
  MemberPlace,
  MovePlan,
  NodeDoor,
  OpenDoor,
} from './database-port.ts';

const peersPort = 7_000;
/** Answers come from memory or from the system group; init waits for all members. */
const askDeadlineMs = 5_000;
const initDeadlineMs = 60_000;
const owner = 'operator';

export interface GrpcDoorOptions {
  /** Credentials towards the nodes of a cluster; undefined: there are none yet. */
  readonly channelsOf: (door: Door) => ChannelCredentialsSource | undefined;
  /** host:port to dial instead of the pod's own (tests on one machine). */
  readonly addressOf?: ((door: Door) => string) | undefined;
}

export function grpcDoors(options: GrpcDoorOptions): OpenDoor {
  return (door) => {
    const host = door.ip.includes(':') ? `[${door.ip}]` : door.ip;
    const address = options.addressOf?.(door) ?? `${host}:${peersPort}`;
    return new GrpcDoor(address, options.channelsOf(door));
  };
}

class GrpcDoor implements NodeDoor {
  readonly #client: AdminClient;
  readonly #slow: () => AdminClient;

  constructor(address: string, channels: ChannelCredentialsSource | undefined) {
    const base = { address, ...(channels === undefined ? {} : { channels }) };
    this.#client = new AdminClient({ ...base, deadlineMs: askDeadlineMs });
    this.#slow = () => new AdminClient({ ...base, deadlineMs: initDeadlineMs });
  }

  async identify(): Promise<Identity> {
    const { state, clusterId, nodeId, storeId, bootId, version } = await this.#client.identify();
    return { state, clusterId, nodeId, storeId, bootId, version };
  }

  async status(): Promise<StatusView> {
    return toPlain(await this.#client.status()) as StatusView;
  }

  async init(plan: InitPlan): Promise<void> {
    const client = this.#slow();
    try {
      await client.init({ ...plan, members: [...plan.members] });
    } finally {
      client.close();
    }
  }

  async joinCluster(request: {
    readonly addresses: readonly string[];
    readonly clusterId: string;
    readonly member: MemberPlace;
  }): Promise<{ readonly nodeId: number }> {
    const client = this.#slow();
    try {
      const { nodeId } = await client.joinCluster({
        ...request,
        addresses: [...request.addresses],
      });
      return { nodeId };
    } finally {
      client.close();
    }
  }

  async acquireControl(holder: string): Promise<number> {
    return (await this.#client.acquireControl({ holder })).controlEpoch;
  }

  async getSettings(): Promise<DatabaseSettings> {
    const { settings } = await this.#client.getSettings();
    return {
      rebalanceMode: settings?.rebalanceMode ?? '',
      concurrentMovesMax: settings?.concurrentMovesMax ?? 0,
      snapshotBytesPerSecond: settings?.snapshotBytesPerSecond ?? 0,
      deadNodeGraceMs: settings?.deadNodeGraceMs ?? 0,
      replicationFactor: settings?.replicationFactor ?? 0,
      revision: settings?.revision ?? 0,
    };
  }

  async updateSettings(fence: Fence, change: Partial<DatabaseSettings>): Promise<void> {
    await this.#client.updateSettings({ fence, settings: change });
  }

  async setNodeState(fence: Fence, nodeId: number, state: 'active' | 'draining'): Promise<void> {
    await this.#client.setNodeState({ fence, nodeId, state, owner });
  }

  async drainProgress(nodeId: number): Promise<DrainProgress> {
    const { blockedBy, ...rest } = await this.#client.getDrainProgress({ nodeId });
    return { ...rest, blockedBy: toPlain(blockedBy) as readonly RefusalView[] };
  }

  async removeNode(fence: Fence, nodeId: number): Promise<void> {
    await this.#client.removeNode({ fence, nodeId });
  }

  async evictLeaders(fence: Fence, nodeId: number, evict: boolean): Promise<void> {
    await this.#client.evictLeaders({ fence, nodeId, evict });
  }

  async setMaintenance(fence: Fence, nodeId: number, durationMs: number): Promise<void> {
    await this.#client.setMaintenance({ fence, nodeId, durationMs });
  }

  async plan(drainNodeIds: readonly number[]): Promise<MovePlan> {
    const answer = await this.#client.plan({ drainNodeIds: [...drainNodeIds] });
    const { movesTotal, bytes, seconds, refusals } = answer;
    return { movesTotal, bytes, seconds, refusals: toPlain(refusals) as readonly RefusalView[] };
  }

  close(): void {
    this.#client.close();
  }
}
