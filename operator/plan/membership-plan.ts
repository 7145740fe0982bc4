/**
 * Which pods are nodes of the database: birth, adoption of what is on volumes, joining. Pure.
 *
 * A database is created only if every pod answers that its disk is empty and no volume is marked
 * with another (O9): a disk that did not answer may hold the data that everybody looks for. What
 * is on disks is adopted; what contradicts itself is shown to a person.
 */
import type { NodeView } from '../../node/contract/status-types.ts';
import type { IdentityView, PodView } from '../api/observed.ts';
import type { NewMember, Step } from './step.ts';
import type { Round, Verdict } from './round.ts';
import { nodeIdOf } from '../api/node-place.ts';
import { isoTime } from '../api/iso-time.ts';
import { isMember, zoneOf } from './round.ts';

/** The database is born, adopted or contradictory; `undefined`: it is there. */
export function planBirth(round: Round): Verdict | undefined {
  const { clusterIds, status, observed } = round;
  if (clusterIds.length > 1) {
    const message =
      `Volumes and pods hold several databases (${clusterIds.join(', ')}): keep the volumes of ` +
      'one and delete the claims of the others';
    return { problems: [{ reason: 'BootstrapAmbiguous', message }], isBusy: true };
  }
  if (status !== undefined) {
    return undefined;
  }
  const uid = observed.cluster.metadata.uid;
  const [found] = clusterIds;
  const isHalfBorn = found === uid && ![...round.identities.values()].some(isMember);
  if (found !== undefined && !(isHalfBorn && noClaimIsMarked(round))) {
    return waitForMembers(round, found);
  }
  return bear(round);
}

function noClaimIsMarked(round: Round): boolean {
  return [...round.claims.values()].every((claim) => claim.clusterId === '');
}

/** There is a database: some of its nodes must answer before anything can be said. */
function waitForMembers(round: Round, clusterId: string): Verdict {
  const { observed, identities } = round;
  const answered = observed.pods.filter((pod) => identities.has(pod.ordinal)).length;
  const empty = [...identities.values()].filter((each) => each.state === 'empty');
  const all = answered === observed.pods.length && answered > 0;
  if (all && empty.length === answered) {
    const message =
      `Volumes are marked with database ${clusterId}, and all ${answered} of them are empty: ` +
      'restore them, or delete the claims to begin anew';
    return { problems: [{ reason: 'BootstrapAmbiguous', message }], isBusy: true };
  }
  return { isBusy: true };
}

function bear(round: Round): Verdict {
  const { observed, pods, identities } = round;
  const wanted = observed.statefulSet?.replicas ?? 0;
  const members: NewMember[] = [];
  const waiting: string[] = [];
  const { uid } = observed.cluster.metadata;
  for (let ordinal = 0; ordinal < wanted; ordinal += 1) {
    const pod = pods.get(ordinal);
    const identity = identities.get(ordinal);
    if (pod === undefined || identity === undefined || !isFor(identity, uid)) {
      waiting.push(`${round.name}-${ordinal}: ${whyNot(pod, identity)}`);
      continue;
    }
    const zone = zoneOf(round, pod);
    if (zone === undefined) {
      return {
        problems: [zonesUnknown(observed.cluster.spec.topology.zoneKey, pod)],
        isBusy: true,
      };
    }
    members.push({ pod, nodeId: ordinal + 1, zone });
  }
  const isReady = waiting.length === 0 && members.length > 0;
  return {
    steps: isReady ? [{ kind: 'init', members }] : [],
    isBusy: true,
    operation: {
      type: 'Create',
      step: isReady ? 'Init' : 'WaitForPods',
      percent: wanted === 0 ? 0 : Math.floor((members.length / wanted) * 90),
      startedAt: observed.cluster.metadata.creationTimestamp ?? isoTime(observed.nowMs),
      message: isReady ? 'Creating the database' : `Waiting for ${waiting.slice(0, 5).join(', ')}`,
      blockedBy: [],
    },
  };
}

/** Empty, or promised to this very cluster by an attempt that was cut short. */
function isFor(identity: IdentityView, uid: string): boolean {
  return (
    identity.state === 'empty' ||
    ((identity.state === 'reserved' || identity.state === 'member') && identity.clusterId === uid)
  );
}

function whyNot(pod: PodView | undefined, identity: IdentityView | undefined): string {
  if (pod === undefined) {
    return 'no pod yet';
  }
  if (identity === undefined) {
    return pod.failure === '' ? 'it does not answer yet' : pod.failure;
  }
  return `its disk is ${identity.state}`;
}

function zonesUnknown(
  zoneKey: string,
  pod: PodView,
): { readonly reason: 'ZonesUnknown'; readonly message: string } {
  const message =
    `The machine "${pod.machine}" of ${pod.name} has no label ${zoneKey}, and others have: label ` +
    'it, or name another label in spec.topology.zoneKey';
  return { reason: 'ZonesUnknown', message };
}

/**
 * The data on adopted volumes has fixed fields of its own. Where the spec says otherwise, nothing
 * is joined, moved or rolled until a person has made it say what is there (O9).
 */
export function planAdoption({ status, observed }: Round): Verdict {
  const { shards } = observed.cluster.spec;
  if (status === undefined || status.shardCount === shards) {
    return {};
  }
  const message =
    `The data on the volumes has ${status.shardCount} shards, and spec.shards is ${shards}, which ` +
    `cannot change: delete this DynamoCluster (volumes stay) and make it anew with shards: ` +
    `${status.shardCount}`;
  return { problems: [{ reason: 'AdoptionConflict', message }], isBusy: true };
}

/** Marks volumes with the node on them (before it is active, O1), and brings empty pods in. */
export function planMembers(round: Round): Verdict {
  const { status, nodes, claims, identities } = round;
  if (status === undefined) {
    return {};
  }
  const marks: Step[] = [];
  for (const [ordinal, identity] of identities) {
    const claim = claims.get(ordinal);
    const isOurs = isMember(identity) && identity.clusterId === status.clusterId;
    const isMarked = claim?.nodeId === String(identity.nodeId) && claim.clusterId !== '';
    if (isOurs && claim !== undefined && !isMarked && claim.retiredNodeId === '') {
      const { clusterId } = status;
      marks.push({ kind: 'labelClaim', claim, clusterId, nodeId: identity.nodeId });
    }
  }
  if (marks.length > 0) {
    return { steps: marks, isBusy: true };
  }
  for (const [ordinal, node] of [...nodes].sort(([a], [b]) => a - b)) {
    const isMarked = claims.get(ordinal)?.nodeId === String(nodeIdOf(node));
    if (node.state === 'joining' && node.answers && isMarked && isWanted(round, ordinal)) {
      return { steps: [activation(node)], isBusy: true };
    }
  }
  return planJoin(round);
}

function activation(node: NodeView): Step {
  const { revision } = node;
  const nodeId = nodeIdOf(node);
  return { kind: 'setNodeState', nodeId, revision, state: 'active', why: 'Joined' };
}

function isWanted({ observed }: Round, ordinal: number): boolean {
  return ordinal < observed.cluster.spec.replicas;
}

function planJoin(round: Round): Verdict {
  const { pods, identities, nodes, claims, observed } = round;
  for (const [ordinal, pod] of [...pods].sort(([a], [b]) => a - b)) {
    const state = identities.get(ordinal)?.state;
    const isNew = state === 'empty' || state === 'reserved';
    if (!isNew || pod.terminating || !isWanted(round, ordinal)) {
      continue;
    }
    const claim = claims.get(ordinal);
    const before = nodes.get(ordinal);
    if (claim !== undefined && claim.nodeId !== '' && claim.retiredNodeId === '') {
      const message =
        `The volume of ${pod.name} held node ${claim.nodeId} and is empty now: delete the claim ` +
        `${claim.name} and its pod to start a new node there`;
      return { problems: [{ reason: 'BootstrapAmbiguous', message }] };
    }
    if (before?.answers === true) {
      continue;
    }
    const zone = zoneOf(round, pod);
    if (zone === undefined) {
      return { problems: [zonesUnknown(observed.cluster.spec.topology.zoneKey, pod)] };
    }
    return { steps: [{ kind: 'join', pod, zone }], isBusy: true };
  }
  return {};
}
