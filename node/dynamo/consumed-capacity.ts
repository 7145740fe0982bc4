/**
 * Capacity units of one item operation, by DynamoDB's rules: reads per 4 KB, half if eventually
 * consistent; writes per 1 KB of the larger of the item before and after; at least one unit's
 * worth, also for a missing item. Source: developer guide, "Capacity unit consumption".
 */
import { readUnitBytes, writeUnitBytes } from './limits.ts';

export type ReturnConsumedCapacity = 'NONE' | 'TOTAL' | 'INDEXES';
export const returnConsumedCapacityValues = ['INDEXES', 'TOTAL', 'NONE'] as const;

export function readUnits(itemSize: number, consistent: boolean): number {
  const units = Math.max(1, Math.ceil(itemSize / readUnitBytes));
  return consistent ? units : units / 2;
}

export function writeUnits(sizeBefore: number, sizeAfter: number): number {
  return Math.max(1, Math.ceil(Math.max(sizeBefore, sizeAfter) / writeUnitBytes));
}

/** The `ConsumedCapacity` member's value; undefined if it was not asked for. */
export function consumedCapacity(
  detail: ReturnConsumedCapacity,
  tableName: string,
  units: number,
): object | undefined {
  switch (detail) {
    case 'NONE':
      return undefined;
    case 'TOTAL':
      return { TableName: tableName, CapacityUnits: units };
    case 'INDEXES':
      return {
        TableName: tableName,
        CapacityUnits: units,
        Table: { CapacityUnits: units },
      };
  }
}
