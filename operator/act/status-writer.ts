/**
 * Writes the status of a cluster when it says something new: at once if a condition or the phase
 * changed, else at most every ten seconds (O17). At rest it writes nothing at all, so the object's
 * resource version stands still.
 */
import type { Clock } from '../../node/sys/clock.ts';
import type { ClusterStatus } from '../api/cluster-status.ts';
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import type { KubeClient } from '../kube/kube-client.ts';

/** Numbers alone are not worth more writes than this, ms. */
const numbersMs = 10_000;

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
    const before = cluster.status;
    if (before !== undefined && isSame(before, status)) {
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    const isUrgent = before === undefined || !isSame(headOf(before), headOf(status));
    const sinceMs = nowMs - (this.#writtenMs.get(uid) ?? -numbersMs);
    if (!isUrgent && sinceMs < numbersMs) {
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

/** What programs wait for. */
function headOf(status: ClusterStatus): unknown {
  const { observedGeneration, phase, conditions = [], readyReplicas, replicas, clusterId } = status;
  const judged = conditions.map(({ type, status: state, reason, observedGeneration: at }) => [
    ...[type, state, reason, at],
  ]);
  return { observedGeneration, phase, judged, readyReplicas, replicas, clusterId };
}

/** Equal as JSON, whatever the order of fields. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  const fields = Object.entries(value).filter(([, each]) => each !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, each]) => [name, sorted(each)]));
}
