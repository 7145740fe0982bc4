/**
 * The calls of `proto/admin.proto` that people and controllers make about a cluster, as plain data:
 * what the verbs of the command line need, however the cluster was found and whatever carries the
 * calls. Every change names the revision of the object that its caller saw.
 */
import type { RebalanceView, RefusalView, StatusView } from './status-types.ts';

/** Plans name the nodes that are assumed to come from here on, in order. */
export const assumedNodeIdFirst = 0xf000_0000;

export interface FenceView {
  /** Absent: a person's tool, which controls nothing. */
  readonly controlEpoch?: number;
  /** Of the node, of the settings or of the plan, as last seen. */
  readonly expectedRevision: number;
}

export interface ChangeView {
  readonly revision: number;
  /** False: it was so already. */
  readonly changed: boolean;
}

export interface PlanRequestView {
  readonly add: readonly { readonly zone: string; readonly weight: number }[];
  readonly drainNodeIds: readonly number[];
  readonly zones: readonly { readonly nodeId: number; readonly zone: string }[];
}

export interface MoveView {
  readonly moveId: string;
  readonly groupId: number;
  readonly reason: string;
  readonly kind: string;
  readonly fromNodeIds: readonly number[];
  readonly toNodeIds: readonly number[];
  readonly bytes: number;
  /** `waiting`, `adding`, `copying`, `swapping`, `removing`. */
  readonly state: string;
  readonly bytesDone: number;
  /** Empty: nothing blocks it. */
  readonly blockedBy: string;
  /** ms since 1970; 0: not begun. */
  readonly startedAtMs: number;
}

export interface PlanView {
  /** The first thousand. */
  readonly moves: readonly MoveView[];
  readonly movesTotal: number;
  readonly refusals: readonly RefusalView[];
  readonly bytes: number;
  /** That any plan must copy. */
  readonly bytesMin: number;
  readonly seconds: number;
  readonly leaderTransfers: number;
}

export interface MovementView {
  readonly status?: RebalanceView | undefined;
  readonly moves: readonly MoveView[];
}

export interface DrainView {
  readonly state: string;
  readonly revision: number;
  readonly shardsRemaining: number;
  readonly leadersRemaining: number;
  readonly bytesRemaining: number;
  readonly startedAtMs: number;
  readonly lastProgressAtMs: number;
  readonly blockedBy: readonly RefusalView[];
  readonly owner: string;
}

export interface SettingsView {
  readonly rebalanceMode: string;
  readonly concurrentMovesMax: number;
  readonly snapshotBytesPerSecond: number;
  readonly deadNodeGraceMs: number;
  readonly replicationFactor: number;
  readonly finalizeMode: string;
  readonly revision: number;
}

/** Changes of settings: what is absent stays. */
export type SettingsChange = Partial<Omit<SettingsView, 'revision'>>;

export interface ClusterCalls {
  status(): Promise<StatusView>;
  plan(request: PlanRequestView): Promise<PlanView>;
  movement(): Promise<MovementView>;
  settings(): Promise<SettingsView>;
  updateSettings(change: {
    readonly fence: FenceView;
    readonly settings: SettingsChange;
    readonly allowLowerReplication: boolean;
  }): Promise<SettingsView>;
  startRebalance(fence: FenceView): Promise<ChangeView>;
  pauseRebalance(fence: FenceView): Promise<ChangeView>;
  cancelRebalance(fence: FenceView): Promise<ChangeView>;
  setNodeState(change: {
    readonly fence: FenceView;
    readonly nodeId: number;
    readonly state: 'active' | 'draining';
    readonly owner: string;
  }): Promise<ChangeView>;
  drainProgress(nodeId: number): Promise<DrainView>;
  removeNode(change: { readonly fence: FenceView; readonly nodeId: number }): Promise<ChangeView>;
  moveReplica(change: {
    readonly fence: FenceView;
    readonly groupId: number;
    readonly fromNodeId: number;
    readonly toNodeId: number;
  }): Promise<ChangeView>;
  transferLeader(change: {
    readonly fence: FenceView;
    readonly groupId: number;
    readonly toNodeId: number;
  }): Promise<ChangeView>;
  close(): void;
}
