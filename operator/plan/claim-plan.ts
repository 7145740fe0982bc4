/**
 * What becomes of volumes when the cluster is deleted: with `whenDeleted: Delete` the cluster owns
 * each claim of its database, retired ones too, and Kubernetes takes them along; the StatefulSet
 * never does (O3). A claim that holds something else is never owned. Pure.
 */
import type { Round, Verdict } from './round.ts';

export function planClaims(round: Round): Verdict {
  const { observed, claims, status } = round;
  const isTaken = observed.cluster.spec.storage.retention.whenDeleted === 'Delete';
  for (const claim of claims.values()) {
    // Only the database itself says what is its own; what is kept needs no word of anybody.
    const isOurs = status !== undefined && claim.clusterId === status.clusterId;
    if (!claim.terminating && claim.isOwned !== isTaken && (!isTaken || isOurs)) {
      return { steps: [{ kind: 'ownClaim', claim, owned: isTaken }] };
    }
  }
  return {};
}
