/** What the admin API asks of the manager, wherever it runs; plain JSON, passed on to its node. */
import type { DrainRecord, NodeState } from './catalog-records.ts';
import type { Fence } from './fence.ts';
import type { MoveState } from './move-steps.ts';
import type { NodeStateCommand } from './node-state-commands.ts';
import type { PlanCommand } from './plan-commands.ts';
import type { RebalanceMode, SettingsRecord } from './plan-records.ts';
import type { SettingsCommand } from './settings-commands.ts';
import type { Move } from '../shards/move.ts';
import type { NodeId } from '../sys/network.ts';

/** Fenced changes that the manager checks before it passes them to the catalog. */
export type ChangeCommand = Extract<
  NodeStateCommand | PlanCommand | SettingsCommand,
  { readonly fence: Fence }
>;

export type AdminRequest = { readonly op: 'admin' } & (
  | {
      readonly verb: 'plan';
      readonly add: readonly { readonly zone?: string; readonly weight?: number }[];
      readonly drain: readonly NodeId[];
      readonly zones: readonly { readonly nodeId: NodeId; readonly zone: string }[];
    }
  | { readonly verb: 'rebalance'; readonly movesMax: number }
  | { readonly verb: 'drain'; readonly nodeId: NodeId }
  | { readonly verb: 'overview' }
  | { readonly verb: 'settings' }
  | { readonly verb: 'change'; readonly command: ChangeCommand }
  | {
      readonly verb: 'moveReplica';
      readonly fence: Fence;
      readonly groupId: number;
      readonly from: NodeId;
      readonly to: NodeId;
    }
  | {
      readonly verb: 'transferLeader';
      readonly fence: Fence;
      readonly groupId: number;
      readonly to: NodeId;
    }
  | { readonly verb: 'finalize'; readonly fence: Fence }
);

export interface ChangeReply {
  readonly revision: number;
  readonly changed: boolean;
}

/** A refusal as people and programs get it. */
export interface RefusalReply {
  readonly reason: string;
  readonly message: string;
  readonly nodeId: NodeId;
  readonly groupIds: readonly number[];
}

export interface MoveReply extends Pick<Move, 'groupId' | 'kind' | 'from' | 'to' | 'bytes'> {
  readonly moveId: string;
  readonly reason: string;
  readonly state: MoveState;
  readonly blockedBy: string;
  readonly startedAtMs: number;
  readonly bytesDone: number;
}

export interface PlanReply {
  readonly moves: readonly MoveReply[];
  readonly movesTotal: number;
  readonly refusals: readonly RefusalReply[];
  readonly bytes: number;
  readonly bytesMin: number;
  readonly seconds: number;
  readonly leaderTransfers: number;
}

export interface RebalanceReply {
  readonly mode: RebalanceMode;
  readonly state: 'idle' | 'running' | 'paused' | 'cancelling';
  readonly planId: number;
  readonly revision: number;
  readonly startedAtMs: number;
  readonly lastProgressAtMs: number;
  readonly movesTotal: number;
  readonly movesDone: number;
  readonly movesRunning: number;
  readonly movesFailed: number;
  readonly bytesTotal: number;
  readonly bytesDone: number;
  readonly rate: number;
  readonly etaSeconds: number;
  readonly blockedBy: readonly RefusalReply[];
  readonly underReplicated: number;
  readonly leaderless: number;
  readonly moves: readonly MoveReply[];
}

export interface DrainReply {
  readonly state: NodeState;
  readonly revision: number;
  readonly shardsRemaining: number;
  readonly leadersRemaining: number;
  readonly bytesRemaining: number;
  readonly drain: DrainRecord | undefined;
  readonly blockedBy: readonly RefusalReply[];
}

export interface SettingsReply {
  readonly settings: SettingsRecord;
  readonly replicationFactor: number;
}

/** What only the manager knows of nodes, for `status`. */
export interface OverviewReply {
  readonly rebalance: RebalanceReply;
  readonly nodes: readonly {
    readonly nodeId: NodeId;
    readonly silentSinceMs: number;
    readonly usedBytes: number;
    readonly freeBytes: number;
  }[];
}
