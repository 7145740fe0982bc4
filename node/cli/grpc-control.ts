/**
 * `ClusterControl` over gRPC: the admin client, with plain objects for answers (no marks of the
 * generated code, so that `--json` shows fields alone). A control is short-lived: one question or
 * two, then `close()`.
 */
import { AdminClient } from '../admin/grpc-admin-client.ts';
import { toPlain } from '../admin/plain-message.ts';
import type {
  ChangeView,
  DrainView,
  FenceView,
  MovementView,
  PlanRequestView,
  PlanView,
  SettingsView,
} from '../contract/cluster-calls.ts';
import { DynakvError } from '../lib/errors.ts';
import type { Timers } from '../sys/clock.ts';
import { silentLogger } from '../sys/log.ts';
import { TlsMaterial } from '../transport/tls.ts';
import type {
  ClusterControl,
  ConnectControl,
  ControlTls,
  IdentityView,
  InitPlan,
  JoinWish,
  StatusView,
} from './cluster-control.ts';

class GrpcControl implements ClusterControl {
  readonly #material: Promise<TlsMaterial> | undefined;
  readonly #client: Promise<AdminClient>;

  constructor(endpoint: string, timers: Timers, files: ControlTls | undefined) {
    this.#material =
      files === undefined ? undefined : TlsMaterial.open({ files, timers, log: silentLogger });
    this.#client = this.#open(endpoint);
    // A failure shows when something is asked, not before.
    this.#client.catch(() => undefined);
  }

  async identify(): Promise<IdentityView> {
    const client = await this.#client;
    return toPlain(await client.identify()) as IdentityView;
  }

  async joinCluster(wish: JoinWish): Promise<{ readonly nodeId: number }> {
    const client = await this.#client;
    return await client.joinCluster({ ...wish, addresses: [...wish.addresses] });
  }

  async init(plan: InitPlan): Promise<void> {
    const client = await this.#client;
    await client.init({ ...plan, members: [...plan.members] });
  }

  async status(): Promise<StatusView> {
    const client = await this.#client;
    return toPlain(await client.status()) as StatusView;
  }

  async plan({ add, drainNodeIds, zones }: PlanRequestView): Promise<PlanView> {
    const client = await this.#client;
    const request = { add: [...add], drainNodeIds: [...drainNodeIds], zones: [...zones] };
    return toPlain(await client.plan(request)) as PlanView;
  }

  async movement(): Promise<MovementView> {
    const client = await this.#client;
    return toPlain(await client.getRebalance()) as MovementView;
  }

  async settings(): Promise<SettingsView> {
    const client = await this.#client;
    return settingsOf(await client.getSettings());
  }

  async updateSettings(
    change: Parameters<ClusterControl['updateSettings']>[0],
  ): Promise<SettingsView> {
    const client = await this.#client;
    return settingsOf(await client.updateSettings(change));
  }

  async startRebalance(fence: FenceView): Promise<ChangeView> {
    const client = await this.#client;
    return toPlain(await client.startRebalance({ fence })) as ChangeView;
  }

  async pauseRebalance(fence: FenceView): Promise<ChangeView> {
    const client = await this.#client;
    return toPlain(await client.pauseRebalance({ fence })) as ChangeView;
  }

  async cancelRebalance(fence: FenceView): Promise<ChangeView> {
    const client = await this.#client;
    return toPlain(await client.cancelRebalance({ fence })) as ChangeView;
  }

  async setNodeState(change: Parameters<ClusterControl['setNodeState']>[0]): Promise<ChangeView> {
    const client = await this.#client;
    return toPlain(await client.setNodeState(change)) as ChangeView;
  }

  async drainProgress(nodeId: number): Promise<DrainView> {
    const client = await this.#client;
    return toPlain(await client.getDrainProgress({ nodeId })) as DrainView;
  }

  async removeNode(change: Parameters<ClusterControl['removeNode']>[0]): Promise<ChangeView> {
    const client = await this.#client;
    return toPlain(await client.removeNode(change)) as ChangeView;
  }

  async moveReplica(change: Parameters<ClusterControl['moveReplica']>[0]): Promise<ChangeView> {
    const client = await this.#client;
    return toPlain(await client.moveReplica(change)) as ChangeView;
  }

  async transferLeader(
    change: Parameters<ClusterControl['transferLeader']>[0],
  ): Promise<ChangeView> {
    const client = await this.#client;
    return toPlain(await client.transferLeader(change)) as ChangeView;
  }

  close(): void {
    void this.#close();
  }

  async #open(address: string): Promise<AdminClient> {
    const channels = await this.#material;
    return new AdminClient(channels === undefined ? { address } : { address, channels });
  }

  async #close(): Promise<void> {
    const [client, material] = await Promise.allSettled([this.#client, this.#material]);
    if (client.status === 'fulfilled') {
      client.value.close();
    }
    if (material.status === 'fulfilled') {
      material.value?.close();
    }
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

/** A connector for the command line and the launcher. */
export function newGrpcConnector(timers: Timers): ConnectControl {
  return (endpoint, tls) => new GrpcControl(endpoint, timers, tls);
}
