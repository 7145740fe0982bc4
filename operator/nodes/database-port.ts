/**
 * The database as the operator asks it: what a pod says of itself, the whole state, and changes.
 * `grpc-database.ts` is the real one; tests have a model.
 */
import type { RefusalView, StatusView } from '../../node/contract/status-types.ts';

/** Where the process of a pod is reached. */
export interface Door {
  /** Of the cluster, for certificates and names. */
  readonly namespace: string;
  readonly cluster: string;
  readonly pod: string;
  readonly ip: string;
  /** The name in its certificate. */
  readonly host: string;
}

export interface Identity {
  readonly state: string;
  readonly clusterId: string;
  readonly nodeId: number;
  readonly storeId: string;
  readonly bootId: string;
  readonly version: string;
}

export interface Fence {
  readonly controlEpoch: number;
  readonly expectedRevision: number;
}

export interface MemberPlace {
  readonly nodeId: number;
  readonly address: string;
  readonly clientAddress: string;
  readonly opsAddress: string;
  readonly zone: string;
}

export interface InitPlan {
  readonly clusterId: string;
  readonly members: readonly MemberPlace[];
  readonly shardCount: number;
  readonly replicationFactor: number;
  readonly createdAtMs: number;
}

export interface DrainProgress {
  readonly state: string;
  readonly shardsRemaining: number;
  readonly leadersRemaining: number;
  readonly bytesRemaining: number;
  readonly startedAtMs: number;
  readonly lastProgressAtMs: number;
  readonly blockedBy: readonly RefusalView[];
  readonly owner: string;
}

export interface MovePlan {
  readonly movesTotal: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly refusals: readonly RefusalView[];
}

export interface DatabaseSettings {
  readonly rebalanceMode: string;
  readonly concurrentMovesMax: number;
  readonly snapshotBytesPerSecond: number;
  readonly deadNodeGraceMs: number;
  readonly replicationFactor: number;
  readonly revision: number;
}

/** One pod's process. Failures are `DynakvError`s with the fact `reason`. */
export interface NodeDoor {
  identify(): Promise<Identity>;
  status(): Promise<StatusView>;
  init(plan: InitPlan): Promise<void>;
  joinCluster(request: {
    readonly addresses: readonly string[];
    readonly clusterId: string;
    readonly member: MemberPlace;
  }): Promise<{ readonly nodeId: number }>;
  acquireControl(holder: string): Promise<number>;
  getSettings(): Promise<DatabaseSettings>;
  updateSettings(fence: Fence, change: Partial<DatabaseSettings>): Promise<void>;
  setNodeState(fence: Fence, nodeId: number, state: 'active' | 'draining'): Promise<void>;
  drainProgress(nodeId: number): Promise<DrainProgress>;
  removeNode(fence: Fence, nodeId: number): Promise<void>;
  evictLeaders(fence: Fence, nodeId: number, evict: boolean): Promise<void>;
  setMaintenance(fence: Fence, nodeId: number, durationMs: number): Promise<void>;
  plan(drainNodeIds: readonly number[]): Promise<MovePlan>;
  close(): void;
}

/** Opens the door of a pod; a failure shows when something is asked. */
export type OpenDoor = (door: Door) => NodeDoor;
