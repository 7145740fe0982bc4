/**
 * Every limit of this door, by name, unit last. Those of DynamoDB are part of the API and fixed;
 * those of the door itself are options with these defaults.
 * Source: DynamoDB developer guide, "Quotas in Amazon DynamoDB"; API reference.
 */
import { mebibyte } from '../lib/units.ts';

/** DynamoDB's. */
export const tableNameLengthMin = 3;
/** The table behind `/key`, a table as any other but for its short name. */
export const keyDoorTable = 'kv';
export const tableNameLengthMax = 255;
export const tableNamePattern = '[a-zA-Z0-9_.-]+';
export const keyAttributeNameLengthMax = 255;
export const listTablesLimitMax = 100;
export const capacityUnitsMax = 1_000_000_000_000;
export const tagsMax = 50;
export const tagKeyLengthMax = 128;
export const tagValueLengthMax = 256;
export const readUnitBytes = 4096;
export const writeUnitBytes = 1024;
/** Violations that one ValidationException names at most. */
export const violationsMax = 10;

export interface DynamoLimits {
  /** A larger body is answered with 413. */
  readonly bodyBytesMax: number;
  /** Bytes of all bodies held at once; beyond it requests are throttled. */
  readonly bodiesBytesMax: number;
  /** Bytes of an oversized body read and dropped before the connection is closed. */
  readonly discardBytesMax: number;
  /** Time for one request from its last byte in to its answer. */
  readonly deadlineMs: number;
}

export const defaultDynamoLimits: DynamoLimits = {
  bodyBytesMax: 16 * mebibyte,
  bodiesBytesMax: 96 * mebibyte,
  discardBytesMax: 64 * mebibyte,
  deadlineMs: 10_000,
};
