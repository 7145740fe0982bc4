/**
 * The calls of a cluster that is found by several addresses: each call goes to the first node that
 * answers. Every change names a revision, so one that was carried out unheard is refused the second
 * time instead of being done twice.
 */
import type { ClusterCalls } from '../contract/cluster-calls.ts';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';

export class FoundCluster implements ClusterCalls {
  readonly #find: () => Promise<readonly string[]>;
  readonly #connect: (endpoint: string) => ClusterCalls;
  readonly #onClose: () => void;
  #open: { readonly endpoint: string; readonly calls: ClusterCalls } | undefined;

  /** `find` is asked for each call: nodes come and go while somebody watches; never for none. */
  constructor(
    find: () => Promise<readonly string[]>,
    connect: (endpoint: string) => ClusterCalls,
    onClose: () => void = () => undefined,
  ) {
    this.#find = find;
    this.#connect = connect;
    this.#onClose = onClose;
  }

  readonly status: ClusterCalls['status'] = () => this.#ask((calls) => calls.status());
  readonly plan: ClusterCalls['plan'] = (request) => this.#ask((calls) => calls.plan(request));
  readonly movement: ClusterCalls['movement'] = () => this.#ask((calls) => calls.movement());
  readonly settings: ClusterCalls['settings'] = () => this.#ask((calls) => calls.settings());
  readonly updateSettings: ClusterCalls['updateSettings'] = (change) =>
    this.#ask((calls) => calls.updateSettings(change));
  readonly startRebalance: ClusterCalls['startRebalance'] = (fence) =>
    this.#ask((calls) => calls.startRebalance(fence));
  readonly pauseRebalance: ClusterCalls['pauseRebalance'] = (fence) =>
    this.#ask((calls) => calls.pauseRebalance(fence));
  readonly cancelRebalance: ClusterCalls['cancelRebalance'] = (fence) =>
    this.#ask((calls) => calls.cancelRebalance(fence));
  readonly setNodeState: ClusterCalls['setNodeState'] = (change) =>
    this.#ask((calls) => calls.setNodeState(change));
  readonly drainProgress: ClusterCalls['drainProgress'] = (nodeId) =>
    this.#ask((calls) => calls.drainProgress(nodeId));
  readonly removeNode: ClusterCalls['removeNode'] = (change) =>
    this.#ask((calls) => calls.removeNode(change));
  readonly moveReplica: ClusterCalls['moveReplica'] = (change) =>
    this.#ask((calls) => calls.moveReplica(change));
  readonly transferLeader: ClusterCalls['transferLeader'] = (change) =>
    this.#ask((calls) => calls.transferLeader(change));

  close(): void {
    this.#drop();
    this.#onClose();
  }

  #drop(): void {
    this.#open?.calls.close();
    this.#open = undefined;
  }

  /** A refusal is an answer; only silence sends the call to the next node. */
  async #ask<T>(call: (calls: ClusterCalls) => Promise<T>): Promise<T> {
    let failure: unknown;
    for (const endpoint of this.#inOrder(await this.#find())) {
      if (this.#open?.endpoint !== endpoint) {
        this.#drop();
        this.#open = { endpoint, calls: this.#connect(endpoint) };
      }
      try {
        return await call(this.#open.calls);
      } catch (error) {
        if (isDynakvError(error) && error.retry === 'never') {
          throw error;
        }
        failure = failed(endpoint, error);
        this.#drop();
      }
    }
    throw failure;
  }

  /** The one that answered last comes first, if it is still one of them. */
  #inOrder(found: readonly string[]): readonly string[] {
    const last = this.#open?.endpoint;
    return last === undefined || !found.includes(last)
      ? found
      : [last, ...found.filter((endpoint) => endpoint !== last)];
  }
}

function failed(endpoint: string, error: unknown): DynakvError {
  return new DynakvError(
    isDynakvError(error) ? error.code : 'Unavailable',
    `Cannot ask the node at ${endpoint}: ${messageOf(error)}`,
    isDynakvError(error) ? error.facts : {},
    error,
  );
}
