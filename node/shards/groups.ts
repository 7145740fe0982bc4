/** Raft groups by number: 0 is the system group, shard s is group s + 1. */
import { ShardMap } from './shard-map.ts';

export const systemGroupId = 0;

export function groupOfShard(shardId: number): number {
  return shardId + 1;
}

export function shardOfGroup(groupId: number): number {
  return groupId - 1;
}

/** The groups of all shards, in shard order; without the system group. */
export function shardGroupIds(shardCount: number): number[] {
  return Array.from({ length: shardCount }, (_, shardId) => groupOfShard(shardId));
}

const maps = new Map<number, ShardMap>();

/** The group that holds a hash. */
export function groupOfHash(hash: number, shardCount: number): number {
  let map = maps.get(shardCount);
  if (map === undefined) {
    map = new ShardMap(shardCount);
    maps.set(shardCount, map);
  }
  return groupOfShard(map.shardOf(hash));
}
