/**
 * What a plan does not do, and why: a name for programs and alerts, a sentence with the numbers
 * for people. A refusal is data, never thrown: the rest of the plan stands.
 */

/**
 * - `LeaderlessShards`: lost a majority of their copies; only a returning node helps, or a
 *   person's `recover --unsafe` (protocols.md P19);
 * - `UnderReplicatedShards`: have fewer live copies than wanted;
 * - `BelowReplicationFactor`: a drain would leave too few nodes (P17);
 * - `ZoneSpreadWouldBreak`: a drain would leave copies in fewer zones;
 * - `InsufficientFreeSpace`: no node that could take a copy has room for it;
 * - `NothingToMoveTo`: every node that could take a copy has one;
 * - `NoEligibleNode`: no learner of the system group can take a voter's place;
 * - `BalanceWaits`: nodes or shards must settle first;
 * - `UnknownNode`: there is no such node, or it cannot be drained as it is.
 */
export const refusalReasons = [
  'LeaderlessShards',
  'UnderReplicatedShards',
  'BelowReplicationFactor',
  'ZoneSpreadWouldBreak',
  'InsufficientFreeSpace',
  'NothingToMoveTo',
  'NoEligibleNode',
  'BalanceWaits',
  'UnknownNode',
] as const;

export type RefusalReason = (typeof refusalReasons)[number];

export interface Refusal {
  readonly reason: RefusalReason;
  /** Says the numbers. */
  readonly message: string;
  /** The same numbers, for programs; at most a few. */
  readonly facts: Readonly<Record<string, number>>;
  /** Groups concerned, the first `groupsNamedMax` of them. */
  readonly groups: readonly number[];
}

/** Groups named in a refusal: enough to look one up, few enough for a line. */
export const groupsNamedMax = 8;

export interface RefusalParts {
  readonly reason: RefusalReason;
  readonly message: string;
  readonly facts?: Readonly<Record<string, number>>;
  readonly groups?: readonly number[];
}

export function makeRefusal({ reason, message, facts = {}, groups = [] }: RefusalParts): Refusal {
  return { reason, message, facts, groups: groups.slice(0, groupsNamedMax) };
}

/** "1 shard", "5 shards". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** "group 3", "groups 3, 7 and 12 more". */
export function namedGroups(groupIds: readonly number[]): string {
  const named = groupIds.slice(0, groupsNamedMax).join(', ');
  const more = groupIds.length - groupsNamedMax;
  return `group${groupIds.length === 1 ? '' : 's'} ${named}${more > 0 ? ` and ${more} more` : ''}`;
}

/** "node 3", "nodes 3, 4, 5". */
export function namedNodes(nodeIds: readonly number[]): string {
  return `node${nodeIds.length === 1 ? '' : 's'} ${nodeIds.join(', ')}`;
}
