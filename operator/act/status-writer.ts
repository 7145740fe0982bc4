/**
 * Writes the status of a cluster when it says something new: at once if a condition or the phase
 * changed, else at most every ten seconds (O17). At rest it writes nothing at all, so the object's
 * resource version stands still.
 */
import type { Clock } from '../../node/sys/clock.ts';
import type { ClusterStatus } from '../api/cluster-status.ts';
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { msUntilWrite, numbersMs } from '../status/status-change.ts';

export class StatusWriter {
  readonly #client: Pick<KubeClient, 'apply'>;
  readonly #clock: Clock;
  readonly #writtenMs = new Map<string, number>();

  constructor(options: { readonly client: Pick<KubeClient, 'apply'>; readonly clock: Clock }) {
    this.#client = options.client;
    this.#clock = options.clock;
  }

  async write(cluster: DynamoCluster, status: ClusterStatus): Promise<void> {
    const { uid, name, namespace } = cluster.metadata;
    const nowMs = this.#clock.monotonicMs();
    const sinceMs = nowMs - (this.#writtenMs.get(uid) ?? -numbersMs);
    if (msUntilWrite(cluster.status, status, sinceMs) !== 0) {
      return;
    }
    const { apiVersion, kind } = cluster;
    await this.#client.apply(
      { apiVersion, kind, metadata: { name, namespace, uid }, status },
      'status',
    );
    this.#writtenMs.set(uid, nowMs);
  }

  forget(uid: string): void {
    this.#writtenMs.delete(uid);
  }
}
