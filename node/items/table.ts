/**
 * A table as the catalog records it (one row of the system group) and as every layer sees it.
 * Ids are never reused (protocols.md P18); `schemaVersion` rises with every schema change.
 */
import type { KeyType } from '../values/attribute-value.ts';

export type TableStatus = 'CREATING' | 'ACTIVE' | 'UPDATING' | 'DELETING';

export interface KeyAttribute {
  readonly name: string;
  readonly type: KeyType;
}

/** What a CreateTable asks for, validated and in the catalog's form. */
export interface TableSpec {
  readonly name: string;
  readonly partitionKey: KeyAttribute;
  readonly sortKey?: KeyAttribute | undefined;
  readonly billingMode: 'PROVISIONED' | 'PAY_PER_REQUEST';
  /** Present when PROVISIONED; recorded and shown, not enforced. */
  readonly provisionedThroughput?:
    { readonly readCapacityUnits: number; readonly writeCapacityUnits: number } | undefined;
  readonly deletionProtection: boolean;
  readonly tableClass?: string | undefined;
  readonly tags?: readonly { readonly key: string; readonly value: string }[] | undefined;
}

export interface TableRecord extends TableSpec {
  /** 1 … 2^32−2; 0 is reserved for a shard's own rows. */
  readonly tableId: number;
  /** A UUID (TableId of the API). */
  readonly uuid: string;
  readonly schemaVersion: number;
  readonly status: TableStatus;
  readonly createdAtMs: number;
}
