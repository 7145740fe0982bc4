/** What the admin service needs of the process that it runs in (`cli/node-process.ts`). */
import type { BootstrapPlan } from '../manager/bootstrap.ts';
import type { JoinSeed } from '../manager/join-seed.ts';
import type { NodeCore } from '../manager/node-core.ts';

export interface NodeIdentity {
  readonly clusterId: string;
  readonly nodeId: number;
  readonly storeId: string;
}

/**
 * `starting`: whether the disk holds a cluster is not known yet, and must not be guessed: whoever
 * creates clusters relies on `empty`.
 */
export type NodeState = 'starting' | 'empty' | 'reserved' | 'member' | 'removed' | 'quarantined';

export interface NodeControl {
  readonly version: string;
  readonly state: NodeState;
  /** Undefined while the disk is neither a cluster's nor promised to one. */
  readonly identity: NodeIdentity | undefined;
  /** Undefined until the replicas are open. */
  readonly core: NodeCore | undefined;
  /** All replicas that it held when it started have been open and caught up since. */
  readonly ready: boolean;
  readonly featureVersionMax: number;
  /** SHA-256 of its certificates, hex; empty without TLS. */
  readonly fingerprints: {
    readonly presented: readonly string[];
    readonly trusted: readonly string[];
  };
  /** Names this life of the process; empty before it is a member. */
  readonly bootId: string;
  /** Promises the empty disk to a cluster, for good; the same promise gets the same answer. */
  reserve(promise: {
    readonly clusterId: string;
    readonly nodeId: number;
  }): Promise<{ readonly storeId: string }>;
  /** Makes this node one that joins; false if it is that already. */
  join(seed: JoinSeed): Promise<boolean>;
  /** Makes this node a member; false if the same plan was carried out before. */
  bootstrap(plan: BootstrapPlan, nodeId: number): Promise<boolean>;
  /** Ends the process in order, after the answer is out. */
  stopSoon(): void;
}
