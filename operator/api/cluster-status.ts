/**
 * What the operator says of a cluster: the `status` of a DynamoCluster. It is told from
 * observation alone and nothing is ever read back from it (rule of the drains: truth is in the
 * database), but transition times. Numbers are quantised and lists bounded (O17).
 */
import type { Condition } from './conditions.ts';

/** One word for people; programs read the conditions. */
export type ClusterPhase =
  | 'Pending'
  | 'Creating'
  | 'Ready'
  | 'ScalingUp'
  | 'ScalingDown'
  | 'Rolling'
  | 'Rebalancing'
  | 'Degraded'
  | 'Unavailable'
  | 'Paused'
  | 'Deleting';

export interface ClusterStatus {
  /** The generation of the spec that everything below was judged at. */
  readonly observedGeneration?: number;
  /** One word for people; programs read the conditions. */
  readonly phase?: ClusterPhase;
  /**
   * What the database calls itself; absent until there is one.
   * @maxLength 64
   */
  readonly clusterId?: string;
  /**
   * Version that the nodes run; of several, the oldest.
   * @maxLength 128
   */
  readonly version?: string;
  /**
   * Image that new pods get.
   * @maxLength 512
   */
  readonly image?: string;
  /**
   * Replicas of the StatefulSet: what `kubectl scale` and autoscalers see.
   * @minimum 0
   */
  readonly replicas?: number;
  /**
   * Pods that are Ready.
   * @minimum 0
   */
  readonly readyReplicas?: number;
  /**
   * Pods of the template that is wanted now.
   * @minimum 0
   */
  readonly updatedReplicas?: number;
  /**
   * Label selector of the pods, for autoscalers.
   * @maxLength 512
   */
  readonly selector?: string;
  /**
   * URL for clients inside the Kubernetes cluster.
   * @maxLength 512
   */
  readonly endpoint?: string;
  /**
   * Nodes that are not as they should be, then others, 50 at most.
   * @maxItems 50
   * @listMap name
   */
  readonly nodes?: readonly NodeSummary[];
  /** What the shards are like. */
  readonly shards?: ShardSummary;
  /**
   * What is under way or waits, the one that acts first.
   * @maxItems 8
   * @listMap type
   */
  readonly operations?: readonly Operation[];
  /** What would move now if it were allowed. */
  readonly plan?: PlanSummary;
  /**
   * Certificates of this cluster and when they end.
   * @maxItems 8
   * @listMap name
   */
  readonly certificates?: readonly CertificateSummary[];
  /**
   * How the cluster is, in Kubernetes' terms.
   * @maxItems 16
   * @listMap type
   */
  readonly conditions?: readonly Condition[];
}

export interface NodeSummary {
  /**
   * Name of the pod.
   * @maxLength 253
   */
  readonly name: string;
  /**
   * Number of the node in the database; absent: it is not a member.
   * @minimum 1
   */
  readonly nodeId?: number;
  /**
   * Failure zone.
   * @maxLength 63
   */
  readonly zone?: string;
  /**
   * `joining`, `active`, `draining`, `drained`, `dead`; `unknown` where the database does not say.
   * @maxLength 32
   */
  readonly state: string;
  /** Whether its pod is Ready. */
  readonly ready: boolean;
  /**
   * Copies of shards that it holds.
   * @minimum 0
   */
  readonly shards?: number;
  /**
   * Shards that it leads.
   * @minimum 0
   */
  readonly leaders?: number;
  /** Live bytes of its rows, two digits exact. */
  readonly usedBytes?: number;
  /**
   * What it runs.
   * @maxLength 128
   */
  readonly version?: string;
  /**
   * What is wrong with it.
   * @maxLength 512
   */
  readonly message?: string;
}

export interface ShardSummary {
  /**
   * All of them.
   * @minimum 0
   */
  readonly total: number;
  /**
   * With a leader, and with all copies caught up.
   * @minimum 0
   */
  readonly healthy: number;
  /**
   * With fewer copies than wanted.
   * @minimum 0
   */
  readonly underReplicated: number;
  /**
   * Without a leader: neither written nor strongly read.
   * @minimum 0
   */
  readonly leaderless: number;
  /**
   * Being copied to another node.
   * @minimum 0
   */
  readonly moving: number;
}

export type OperationType = 'Create' | 'ScaleUp' | 'ScaleDown' | 'Roll' | 'Repair' | 'Rebalance';

export interface Operation {
  /** What is done. */
  readonly type: OperationType;
  /**
   * Pod that it is about just now.
   * @maxLength 253
   */
  readonly pod?: string;
  /**
   * Node that it is about just now.
   * @minimum 1
   */
  readonly nodeId?: number;
  /**
   * Step that it is at, CamelCase.
   * @maxLength 64
   */
  readonly step: string;
  /**
   * How far it is.
   * @minimum 0
   * @maximum 100
   */
  readonly percent: number;
  /**
   * When it began.
   * @format date-time
   */
  readonly startedAt?: string;
  /**
   * When it came further last.
   * @format date-time
   */
  readonly lastProgressAt?: string;
  /**
   * What it does, in a sentence with numbers.
   * @maxLength 512
   */
  readonly message: string;
  /**
   * Why it does not go on; empty: it does.
   * @default []
   * @maxItems 8
   */
  readonly blockedBy: readonly Blocker[];
}

export interface Blocker {
  /**
   * CamelCase, stable: a gate of the operator or a refusal of the database.
   * @maxLength 64
   */
  readonly reason: string;
  /**
   * A sentence with the numbers.
   * @maxLength 512
   */
  readonly message: string;
}

export interface PlanSummary {
  /**
   * Moves of shards.
   * @minimum 0
   */
  readonly moves: number;
  /** Bytes to copy, two digits exact. */
  readonly bytes: number;
  /** Time at the rate that is allowed, two digits exact. */
  readonly seconds: number;
  /**
   * What was asked for and cannot be.
   * @default []
   * @maxItems 8
   */
  readonly refusals: readonly Blocker[];
}

export interface CertificateSummary {
  /**
   * Name of the Secret.
   * @maxLength 253
   */
  readonly name: string;
  /**
   * When it ends.
   * @format date-time
   */
  readonly notAfter: string;
}
