/** `ClusterCalls` of the node in one pod, over a way that is opened for them and closed with them. */
import { AdminClient } from '../../node/admin/grpc-admin-client.ts';
import { GrpcClusterCalls } from '../../node/admin/grpc-cluster-calls.ts';
import type { ChannelCredentialsSource } from '../../node/transport/grpc-channel.ts';

export interface Way {
  /** host:port to dial. */
  readonly address: string;
  readonly channels: ChannelCredentialsSource;
  readonly close?: () => void;
}

export class PodCalls extends GrpcClusterCalls {
  protected override readonly client: Promise<AdminClient>;
  readonly #way: Promise<Way>;

  constructor(open: () => Promise<Way>) {
    super();
    this.#way = open();
    this.client = this.#way.then(({ address, channels }) => new AdminClient({ address, channels }));
    // A failure shows when something is asked, not before.
    this.client.catch(() => undefined);
  }

  override close(): void {
    void this.#close();
  }

  async #close(): Promise<void> {
    const [client, way] = await Promise.allSettled([this.client, this.#way]);
    if (client.status === 'fulfilled') {
      client.value.close();
    }
    if (way.status === 'fulfilled') {
      way.value.close?.();
    }
  }
}
