/**
 * The calls of a cluster that is found by several addresses: each call goes to the first node that
 * answers. Every change names a revision, so one that was carried out unheard is refused the second
 * time instead of being done twice.
 */
import type { ClusterCalls } from '../contract/cluster-calls.ts';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import type { ClusterControl, ConnectControl, ControlTls } from './cluster-control.ts';

export class FoundCluster implements ClusterCalls {
  readonly #endpoints: readonly string[];
  readonly #connect: ConnectControl;
  readonly #tls: ControlTls | undefined;
  #open: { readonly endpoint: string; readonly control: ClusterControl } | undefined;

  constructor(endpoints: readonly string[], connect: ConnectControl, tls: ControlTls | undefined) {
    this.#endpoints = endpoints;
    this.#connect = connect;
    this.#tls = tls;
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
    this.#open?.control.close();
    this.#open = undefined;
  }

  /** A refusal is an answer; only silence sends the call to the next node. */
  async #ask<T>(call: (calls: ClusterControl) => Promise<T>): Promise<T> {
    let failure: unknown;
    for (const endpoint of this.#inOrder()) {
      if (this.#open?.endpoint !== endpoint) {
        this.close();
        this.#open = { endpoint, control: this.#connect(endpoint, this.#tls) };
      }
      try {
        return await call(this.#open.control);
      } catch (error) {
        if (isDynakvError(error) && error.retry === 'never') {
          throw error;
        }
        failure = failed(endpoint, error);
        this.close();
      }
    }
    throw failure;
  }

  /** The one that answered last comes first. */
  #inOrder(): readonly string[] {
    const last = this.#open?.endpoint;
    return last === undefined
      ? this.#endpoints
      : [last, ...this.#endpoints.filter((endpoint) => endpoint !== last)];
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
