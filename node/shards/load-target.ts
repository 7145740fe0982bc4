/**
 * Each node's fair share of replicas, as a fraction: by weight, as far as the zones and "one copy
 * of a group on a node" allow. It is the share that keeps the fullest node, in its own measure, as
 * empty as can be. Whole placements with every node at its share rounded down or up always exist
 * (the share is a flow, and flows have whole solutions).
 */
import { must } from '../lib/assert.ts';
import type { ZoneProfile } from './zone-profile.ts';

/** Halvings of the search for the level: below the rounding of a double after that. */
const halvings = 100;
/** Shares closer than this to a whole number are taken as that number. */
export const shareEpsilon = 1e-6;

export interface ShareRequest {
  /** By node. */
  readonly weights: ArrayLike<number>;
  /** Most that each node can have. */
  readonly caps: ArrayLike<number>;
  readonly total: number;
}

/**
 * Shares by weight, capped: min(cap, weight × level), with the level at which they add up to
 * `total`, or everyone's cap if that is less.
 */
export function fillByWeight({ weights, caps, total }: ShareRequest): Float64Array {
  const size = weights.length;
  const shares = new Float64Array(size);
  const order = Array.from({ length: size }, (_, i) => i);
  const fullAt = (i: number): number => (caps[i] as number) / (weights[i] as number);
  order.sort((a, b) => fullAt(a) - fullAt(b) || a - b);
  let weightLeft = order.reduce((sum, i) => sum + (weights[i] as number), 0);
  let left = total;
  for (const i of order) {
    const weight = weights[i] as number;
    const share = Math.min(caps[i] as number, weightLeft > 0 ? (left * weight) / weightLeft : 0);
    shares[i] = share;
    left -= share;
    weightLeft -= weight;
  }
  return shares;
}

export interface TargetRequest {
  readonly weights: ArrayLike<number>;
  /** By node: the zone's index in `profile`, or −1 for a node that is to hold nothing. */
  readonly zones: ArrayLike<number>;
  readonly profile: ZoneProfile;
  readonly groupCount: number;
  /** Copies of each group. */
  readonly copies: number;
}

/** The nodes of one zone, and what the zone as a whole can have. */
interface ZoneShare {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
  readonly least: number;
  readonly most: number;
}

function zoneShares({ weights, zones, profile, groupCount }: TargetRequest): ZoneShare[] {
  const nodes = Array.from(profile.most, (): number[] => []);
  for (let i = 0; i < zones.length; i++) {
    if ((zones[i] as number) >= 0) {
      must(nodes[zones[i] as number]).push(i);
    }
  }
  return nodes.map((members, z) => ({
    nodes: members,
    weights: members.map((i) => weights[i] as number),
    least: (profile.least[z] as number) * groupCount,
    most: (profile.most[z] as number) * groupCount,
  }));
}

function zoneTotal(zone: ZoneShare, level: number, groupCount: number): number {
  let sum = 0;
  for (const weight of zone.weights) {
    sum += Math.min(groupCount, weight * level);
  }
  return Math.min(Math.max(sum, zone.least), zone.most);
}

/** Replicas that each node should hold. */
export function loadTargets(request: TargetRequest): Float64Array {
  const { groupCount, copies } = request;
  const targets = new Float64Array(request.zones.length);
  const shares = zoneShares(request);
  const total = groupCount * copies;
  let low = 0;
  let high = 1;
  for (const { weights } of shares) {
    for (const weight of weights) {
      high = Math.max(high, groupCount / weight);
    }
  }
  for (let i = 0; i < halvings; i++) {
    const level = (low + high) / 2;
    const sum = shares.reduce((all, zone) => all + zoneTotal(zone, level, groupCount), 0);
    if (sum < total) {
      low = level;
    } else {
      high = level;
    }
  }
  for (const zone of shares) {
    const caps = zone.nodes.map(() => groupCount);
    const sum = zoneTotal(zone, high, groupCount);
    const filled = fillByWeight({ weights: zone.weights, caps, total: sum });
    for (const [n, i] of zone.nodes.entries()) {
      targets[i] = filled[n] as number;
    }
  }
  return targets;
}

/** A share rounded down, unless it is a whole number but for the rounding of doubles. */
export function shareFloor(share: number): number {
  return Math.floor(share + shareEpsilon);
}

export function shareCeil(share: number): number {
  return Math.ceil(share - shareEpsilon);
}
