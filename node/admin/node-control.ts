/** What the admin service needs of the process that it runs in (`cli/node-process.ts`). */
import type { BootstrapPlan } from '../manager/bootstrap.ts';
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
export type NodeState = 'starting' | 'empty' | 'member' | 'quarantined';

export interface NodeControl {
  readonly version: string;
  readonly state: NodeState;
  /** Undefined while the disk holds no cluster. */
  readonly identity: NodeIdentity | undefined;
  /** Undefined until the replicas are open. */
  readonly core: NodeCore | undefined;
  /** Makes this node a member; false if the same plan was carried out before. */
  bootstrap(plan: BootstrapPlan, nodeId: number): Promise<boolean>;
  /** Ends the process in order, after the answer is out. */
  stopSoon(): void;
}
