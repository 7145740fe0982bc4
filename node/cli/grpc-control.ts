/**
 * `ClusterControl` over gRPC: what the command line and the launcher ask of a node. A control is
 * short-lived: one question or two, then `close()`.
 */
import { AdminClient } from '../admin/grpc-admin-client.ts';
import { GrpcClusterCalls } from '../admin/grpc-cluster-calls.ts';
import { toPlain } from '../admin/plain-message.ts';
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
} from './cluster-control.ts';

class GrpcControl extends GrpcClusterCalls implements ClusterControl {
  readonly #material: Promise<TlsMaterial> | undefined;
  protected override readonly client: Promise<AdminClient>;

  constructor(endpoint: string, timers: Timers, files: ControlTls | undefined) {
    super();
    this.#material =
      files === undefined ? undefined : TlsMaterial.open({ files, timers, log: silentLogger });
    this.client = this.#open(endpoint);
    // A failure shows when something is asked, not before.
    this.client.catch(() => undefined);
  }

  async identify(): Promise<IdentityView> {
    const client = await this.client;
    return toPlain(await client.identify()) as IdentityView;
  }

  async joinCluster(wish: JoinWish): Promise<{ readonly nodeId: number }> {
    const client = await this.client;
    return await client.joinCluster({ ...wish, addresses: [...wish.addresses] });
  }

  async init(plan: InitPlan): Promise<void> {
    const client = await this.client;
    await client.init({ ...plan, members: [...plan.members] });
  }

  override close(): void {
    void this.#close();
  }

  async #open(address: string): Promise<AdminClient> {
    const channels = await this.#material;
    return new AdminClient(channels === undefined ? { address } : { address, channels });
  }

  async #close(): Promise<void> {
    const [client, material] = await Promise.allSettled([this.client, this.#material]);
    if (client.status === 'fulfilled') {
      client.value.close();
    }
    if (material.status === 'fulfilled') {
      material.value?.close();
    }
  }
}

/** A connector for the command line and the launcher. */
export function newGrpcConnector(timers: Timers): ConnectControl {
  return (endpoint, tls) => new GrpcControl(endpoint, timers, tls);
}
