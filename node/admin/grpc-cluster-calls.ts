/**
 * `ClusterCalls` over gRPC: the admin client, with plain objects for answers (no marks of the
 * generated code, so that `--json` shows fields alone). Where the node is, and who opens and closes
 * the channel, is for whoever extends it.
 */
import type {
  ChangeView,
  ClusterCalls,
  DrainView,
  FenceView,
  MovementView,
  PlanRequestView,
  PlanView,
  SettingsView,
} from '../contract/cluster-calls.ts';
import type { StatusView } from '../contract/status-types.ts';
import { DynakvError } from '../lib/errors.ts';
import type { AdminClient } from './grpc-admin-client.ts';
import { toPlain } from './plain-message.ts';

export abstract class GrpcClusterCalls implements ClusterCalls {
  /** Rejects when there is no way to open a channel. */
  protected abstract readonly client: Promise<AdminClient>;

  abstract close(): void;

  async status(): Promise<StatusView> {
    const client = await this.client;
    return toPlain(await client.status()) as StatusView;
  }

  async plan({ add, drainNodeIds, zones }: PlanRequestView): Promise<PlanView> {
    const client = await this.client;
    const request = { add: [...add], drainNodeIds: [...drainNodeIds], zones: [...zones] };
    return toPlain(await client.plan(request)) as PlanView;
  }

  async movement(): Promise<MovementView> {
    const client = await this.client;
    return toPlain(await client.getRebalance()) as MovementView;
  }

  async settings(): Promise<SettingsView> {
    const client = await this.client;
    return settingsOf(await client.getSettings());
  }

  async updateSettings(
    change: Parameters<ClusterCalls['updateSettings']>[0],
  ): Promise<SettingsView> {
    const client = await this.client;
    return settingsOf(await client.updateSettings(change));
  }

  async startRebalance(fence: FenceView): Promise<ChangeView> {
    const client = await this.client;
    return toPlain(await client.startRebalance({ fence })) as ChangeView;
  }

  async pauseRebalance(fence: FenceView): Promise<ChangeView> {
    const client = await this.client;
    return toPlain(await client.pauseRebalance({ fence })) as ChangeView;
  }

  async cancelRebalance(fence: FenceView): Promise<ChangeView> {
    const client = await this.client;
    return toPlain(await client.cancelRebalance({ fence })) as ChangeView;
  }

  async setNodeState(change: Parameters<ClusterCalls['setNodeState']>[0]): Promise<ChangeView> {
    const client = await this.client;
    return toPlain(await client.setNodeState(change)) as ChangeView;
  }

  async drainProgress(nodeId: number): Promise<DrainView> {
    const client = await this.client;
    return toPlain(await client.getDrainProgress({ nodeId })) as DrainView;
  }

  async removeNode(change: Parameters<ClusterCalls['removeNode']>[0]): Promise<ChangeView> {
    const client = await this.client;
    return toPlain(await client.removeNode(change)) as ChangeView;
  }

  async moveReplica(change: Parameters<ClusterCalls['moveReplica']>[0]): Promise<ChangeView> {
    const client = await this.client;
    return toPlain(await client.moveReplica(change)) as ChangeView;
  }

  async transferLeader(change: Parameters<ClusterCalls['transferLeader']>[0]): Promise<ChangeView> {
    const client = await this.client;
    return toPlain(await client.transferLeader(change)) as ChangeView;
  }
}

function settingsOf(answer: { readonly settings?: unknown }): SettingsView {
  if (answer.settings === undefined) {
    throw new DynakvError(
      'Unavailable',
      'The node answered without settings: it is of another release',
    );
  }
  return toPlain(answer.settings) as SettingsView;
}
