/**
 * What a round of planning starts from, in the terms that the rules speak of: which node is in
 * which pod, how many ordinals hold data (the floor), what is whose. Pure.
 */
import type { NodeView, StatusView } from '../../node/contract/status-types.ts';
import type { Operation } from '../api/cluster-status.ts';
import { ordinalOf } from '../api/names.ts';
import { nodeIdOf, ordinalOfNode } from '../api/node-place.ts';
import type {
  ClaimView,
  Hindrance,
  IdentityView,
  Observed,
  PlanReport,
  PodView,
} from '../api/observed.ts';
import type { ReplicasChange } from './contested-replicas.ts';
import type { SettingsChange, Step } from './step.ts';

/** What the operator remembers between rounds; lost at its end without harm. */
export interface PlanMemory {
  /** Since when `spec.replicas` has been below what is there; 0: it is not. */
  readonly lowerSinceMs: number;
  /** Since when a node's leaders are being moved away, by node id. */
  readonly evictingSinceMs: ReadonlyMap<number, number>;
  /** Since when a machine has been cordoned, by its name. */
  readonly cordonedSinceMs?: ReadonlyMap<string, number>;
  /** Changes of `spec.replicas` that were seen, the oldest first. */
  readonly replicasChanges?: readonly ReplicasChange[] | undefined;
  /** The database's settings; undefined: they were not asked for. */
  readonly settings?: (Required<SettingsChange> & { readonly revision: number }) | undefined;
  /** Answer to the question whether the node may go; undefined: it was not asked. */
  readonly drainRefusals?:
    readonly { readonly reason: string; readonly message: string }[] | undefined;
  /** A drain's own account of why it does not go on. */
  readonly drain?: DrainView | undefined;
}

export interface DrainView {
  readonly nodeId: number;
  readonly shardsRemaining: number;
  readonly leadersRemaining: number;
  readonly bytesRemaining: number;
  readonly startedAtMs: number;
  readonly lastProgressAtMs: number;
  readonly blockedBy: readonly { readonly reason: string; readonly message: string }[];
}

export interface Decision {
  /** In this order; the first that fails ends the round. */
  readonly steps: readonly Step[];
  readonly report: PlanReport;
  /** When to look again at the latest, ms. */
  readonly againMs: number;
}

/** What one part of the plan says. */
export interface Verdict {
  readonly steps?: readonly Step[];
  readonly operation?: Operation | undefined;
  readonly problems?: readonly Hindrance[];
  readonly scaleUpBlocked?: Hindrance | undefined;
  readonly scaleDownBlocked?: Hindrance | undefined;
  readonly updateBlocked?: Hindrance | undefined;
  readonly requiresUpdate?: Hindrance | undefined;
  /** Something is under way here: parts of less weight wait. */
  readonly isBusy?: boolean;
}

export interface Round {
  readonly observed: Observed;
  readonly memory: PlanMemory;
  readonly name: string;
  readonly status: StatusView | undefined;
  /** Nodes of the catalog that are not removed, by the ordinal of their pod. */
  readonly nodes: ReadonlyMap<number, NodeView>;
  readonly pods: ReadonlyMap<number, PodView>;
  readonly claims: ReadonlyMap<number, ClaimView>;
  readonly identities: ReadonlyMap<number, IdentityView>;
  /** Ordinals below this one may hold data that is not elsewhere (O1). */
  readonly floor: number;
  /** There surely is no database yet: nothing says so, and everything that could was asked. */
  readonly isUnborn: boolean;
  /** Name of the cluster's data on volumes and in pods; several: nobody can say which. */
  readonly clusterIds: readonly string[];
}

export const idleMs = 10_000;
export const busyMs = 1_000;

export function makeRound(observed: Observed, memory: PlanMemory): Round {
  const { cluster, database } = observed;
  const { name } = cluster.metadata;
  const { status } = database;
  const nodes = new Map<number, NodeView>();
  for (const node of status?.nodes ?? []) {
    const ordinal = ordinalOfNode(name, node);
    const isOlder = (nodes.get(ordinal ?? -1)?.member?.nodeId ?? 0) > nodeIdOf(node);
    if (ordinal !== undefined && node.state !== 'removed' && !isOlder) {
      nodes.set(ordinal, node);
    }
  }
  const pods = new Map(observed.pods.map((pod) => [pod.ordinal, pod]));
  const claims = new Map(observed.claims.map((claim) => [claim.ordinal, claim]));
  const identities = new Map<number, IdentityView>();
  for (const identity of database.identities) {
    const ordinal = ordinalOf(name, identity.pod);
    if (ordinal !== undefined && pods.get(ordinal)?.uid === identity.podUid) {
      identities.set(ordinal, identity);
    }
  }
  const held = [
    ...nodes.keys(),
    ...[...claims.values()].filter(holdsData).map((claim) => claim.ordinal),
    ...[...identities].filter(([, each]) => isMember(each)).map(([ordinal]) => ordinal),
  ];
  const ids = new Set([
    ...observed.claims.map((claim) => claim.clusterId),
    ...database.identities.map((identity) => identity.clusterId),
  ]);
  ids.delete('');
  return {
    ...{ observed, memory, name, status, nodes, pods, claims, identities },
    floor: Math.max(0, ...held.map((ordinal) => ordinal + 1)),
    isUnborn:
      ids.size === 0 &&
      observed.pods.every((pod) => pod.ip === '' || identities.get(pod.ordinal)?.state === 'empty'),
    clusterIds: [...ids],
  };
}

/** On this disk may be the only copy of something. */
export function holdsData(claim: ClaimView): boolean {
  return claim.nodeId !== '' && claim.retiredNodeId === '';
}

export function isMember(identity: IdentityView): boolean {
  return identity.state === 'member' || identity.state === 'quarantined';
}

/** Zone of the machine of a pod: undefined when that machine, unlike others, has none. */
export function zoneOf(round: Round, pod: PodView): string | undefined {
  const { machines } = round.observed;
  const machine = machines.find((each) => each.name === pod.machine);
  if (machine === undefined) {
    return undefined;
  }
  const anyZone = machines.some((each) => each.zone !== '');
  return machine.zone === '' && anyZone ? undefined : machine.zone;
}
