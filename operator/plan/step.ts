/**
 * What the operator can do, as data: a plan is a list of these, printed in logs and tests, carried
 * out by `act`. Each is safe to repeat, and each names what it was decided on, so that it is
 * refused if that changed meanwhile.
 */
import type { ClaimView, PodView } from '../api/observed.ts';

export interface NewMember {
  readonly pod: PodView;
  readonly nodeId: number;
  readonly zone: string;
}

/** Settings of the database that the spec names; those left out stay. */
export interface SettingsChange {
  readonly rebalanceMode?: string;
  readonly concurrentMovesMax?: number;
  readonly snapshotBytesPerSecond?: number;
  readonly deadNodeGraceMs?: number;
  readonly replicationFactor?: number;
}

export type Step =
  /** Makes the StatefulSet, by POST (O16). */
  | { readonly kind: 'createSet'; readonly replicas: number }
  /** Changes the StatefulSet's replicas, as of a resource version (O1). */
  | { readonly kind: 'scaleSet'; readonly replicas: number; readonly why: string }
  /** Writes the wanted template, and keeps the one before it for the case that it is bad (O4). */
  | { readonly kind: 'writeTemplate' }
  /** Puts the last good template back; the wanted one is marked as failed. */
  | { readonly kind: 'restoreTemplate'; readonly failedHash: string }
  /** A pod of the template in the set is Ready: it is the good one from now on. */
  | { readonly kind: 'confirmTemplate' }
  /** Creates the database on empty pods. */
  | { readonly kind: 'init'; readonly members: readonly NewMember[] }
  /** Makes the node in an empty pod a member, which takes no data yet. */
  | { readonly kind: 'join'; readonly pod: PodView; readonly zone: string }
  | {
      readonly kind: 'labelClaim';
      readonly claim: ClaimView;
      readonly clusterId: string;
      readonly nodeId: number;
    }
  /** Makes the cluster an owner of the volume's claim, or no owner any more (O3). */
  | { readonly kind: 'ownClaim'; readonly claim: ClaimView; readonly owned: boolean }
  | { readonly kind: 'retireClaim'; readonly claim: ClaimView; readonly nodeId: number }
  /** Deletes the volume of a removed node, as of uid and resource version (O2). */
  | { readonly kind: 'deleteClaim'; readonly claim: ClaimView; readonly nodeId: number }
  | {
      readonly kind: 'setNodeState';
      readonly nodeId: number;
      readonly revision: number;
      readonly state: 'active' | 'draining';
      readonly why: 'Joined' | 'ScaleDown' | 'DrainCancelled';
    }
  | { readonly kind: 'removeNode'; readonly nodeId: number; readonly revision: number }
  | {
      readonly kind: 'evictLeaders';
      readonly nodeId: number;
      readonly revision: number;
      readonly evict: boolean;
    }
  | {
      readonly kind: 'setMaintenance';
      readonly nodeId: number;
      readonly revision: number;
      /** 0 ends it. */
      readonly durationMs: number;
    }
  | { readonly kind: 'updateSettings'; readonly revision: number; readonly change: SettingsChange }
  /** Replaces a pod: the one disruptive act. `nodeId` 0: it contributes nothing to the database. */
  | {
      readonly kind: 'deletePod';
      readonly pod: PodView;
      readonly nodeId: number;
      readonly why: 'Roll' | 'Unstick' | 'Cordon';
    };

/** Steps that take something away that serves. */
export function isDisruptive(step: Step): boolean {
  return step.kind === 'deletePod' || step.kind === 'removeNode' || step.kind === 'deleteClaim';
}

/** One line for logs and golden texts. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'createSet':
      return `createSet replicas=${step.replicas}`;
    case 'scaleSet':
      return `scaleSet replicas=${step.replicas} why=${step.why}`;
    case 'writeTemplate':
    case 'confirmTemplate':
      return step.kind;
    case 'restoreTemplate':
      return `restoreTemplate failed=${step.failedHash}`;
    case 'init':
      return `init members=${step.members.map(({ nodeId, pod }) => `${nodeId}:${pod.name}`).join(',')}`;
    case 'join':
      return `join pod=${step.pod.name} zone=${step.zone}`;
    case 'labelClaim':
    case 'retireClaim':
    case 'deleteClaim':
      return `${step.kind} claim=${step.claim.name} node=${step.nodeId}`;
    case 'ownClaim':
      return `ownClaim claim=${step.claim.name} owned=${step.owned}`;
    case 'setNodeState':
      return `setNodeState node=${step.nodeId} state=${step.state} why=${step.why}`;
    case 'removeNode':
      return `removeNode node=${step.nodeId}`;
    case 'evictLeaders':
      return `evictLeaders node=${step.nodeId} evict=${step.evict}`;
    case 'setMaintenance':
      return `setMaintenance node=${step.nodeId} ms=${step.durationMs}`;
    case 'updateSettings':
      return `updateSettings ${JSON.stringify(step.change)}`;
    case 'deletePod':
      return `deletePod pod=${step.pod.name} why=${step.why}`;
  }
}
