/**
 * What one look at a cluster found: Kubernetes' objects and the database's own answers, as plain
 * data that nobody changes. `plan` decides from it, `status` tells it. What could not be asked is
 * absent, which is never the same as "there is none" (O2: the catalog silent, delete nothing).
 */
import type { RefusalView, StatusView } from '../../node/contract/status-types.ts';
import type { DynamoCluster } from './dynamo-cluster.ts';
import type { Blocker, Operation } from './cluster-status.ts';
import type { Reason } from './conditions.ts';

export interface StatefulSetView {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  /** What its controller has looked at; older than `generation`: it has not looked yet (O17). */
  readonly observedGeneration: number;
  readonly replicas: number;
  /** Hash of the template in it, by its annotation. */
  readonly templateHash: string;
  readonly image: string;
  /** No pod of the template in it has been Ready yet; the one before it is kept. */
  readonly isOnTrial?: boolean;
  /** Hash of the template that was tried last and failed; empty or absent: none. */
  readonly failedTemplateHash?: string;
  readonly terminating: boolean;
  /** Its controller is this cluster, by uid (O16). */
  readonly isOwn: boolean;
}

export interface PodView {
  readonly name: string;
  readonly ordinal: number;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly ready: boolean;
  /** Since when it is Ready, ms since 1970; 0: it is not. */
  readonly readySinceMs: number;
  readonly createdAtMs: number;
  readonly terminating: boolean;
  readonly templateHash: string;
  readonly image: string;
  /** Machine; empty: none yet. */
  readonly machine: string;
  readonly ip: string;
  readonly restarts: number;
  /** Why it does not run: `CrashLoopBackOff`, `ImagePullBackOff`, `Unschedulable` …; empty: it does. */
  readonly failure: string;
  readonly failureMessage: string;
}

export interface ClaimView {
  readonly name: string;
  readonly ordinal: number;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly terminating: boolean;
  /** Labels of the claim, by meaning; empty: none. */
  readonly clusterId: string;
  readonly nodeId: string;
  readonly retiredNodeId: string;
  /** The cluster is among its owners, by uid: it goes with the cluster. */
  readonly isOwned: boolean;
}

export interface MachineView {
  readonly name: string;
  /** Value of `spec.topology.zoneKey`; empty: it has none. */
  readonly zone: string;
  readonly ready: boolean;
  readonly cordoned: boolean;
}

/** What the process in a pod says of itself (`Identify`). */
export interface IdentityView {
  readonly pod: string;
  readonly podUid: string;
  /** `empty`, `reserved`, `member`, `removed`, `quarantined`, `starting`. */
  readonly state: string;
  readonly clusterId: string;
  readonly nodeId: number;
  readonly storeId: string;
  readonly bootId: string;
  readonly version: string;
}

export interface DatabaseView {
  /** One for each pod that answered. */
  readonly identities: readonly IdentityView[];
  /** Of a member that answered; absent: none did, or there is no cluster yet. */
  readonly status?: StatusView | undefined;
  /** Why there is no status although there should be one; empty: there is. */
  readonly failure: string;
  /** What would move now; absent: it was not asked. */
  readonly plan?: DatabasePlan | undefined;
}

export interface DatabasePlan {
  readonly moves: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly refusals: readonly RefusalView[];
}

export interface CertificateView {
  /** Name of the Secret. */
  readonly name: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface Observed {
  readonly nowMs: number;
  readonly cluster: DynamoCluster;
  readonly statefulSet?: StatefulSetView | undefined;
  /** Of this cluster by label and owner, by ordinal. */
  readonly pods: readonly PodView[];
  readonly claims: readonly ClaimView[];
  /** Machines that the pods are on. */
  readonly machines: readonly MachineView[];
  readonly certificates: readonly CertificateView[];
  readonly database: DatabaseView;
  /** Hash of the template that is wanted now; undefined: it was not rendered. */
  readonly wantedTemplateHash?: string | undefined;
}

/** Something that stands in the way, with a reason that conditions may give. */
export interface Hindrance {
  readonly reason: Reason;
  readonly message: string;
}

/** What the plan of this round says of itself, for the status. */
export interface PlanReport {
  readonly operations: readonly Operation[];
  readonly scaleUpBlocked?: Hindrance | undefined;
  readonly scaleDownBlocked?: Hindrance | undefined;
  readonly updateBlocked?: Hindrance | undefined;
  /** A consent is asked for. */
  readonly requiresUpdate?: Hindrance | undefined;
  /** What a person must look at: `BootstrapAmbiguous`, `NameCollision`, `ControlConflict` … */
  readonly problems: readonly Hindrance[];
}

/** A refusal of the database as a blocker of an operation. */
export function blockerOf(refusal: RefusalView): Blocker {
  return { reason: refusal.reason, message: refusal.message };
}
