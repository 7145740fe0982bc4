/**
 * What a door asks of a shard and what it gets back. Commands are plain data: fully validated at
 * the door, sent to the leader of the shard, evaluated there once (design §3). Item bytes are
 * canonical DynamoDB JSON text, made once at the door and spliced everywhere else.
 */
import type { Condition } from '../expressions/ast.ts';

/** The row a command is about. */
export interface RowTarget {
  readonly tableId: number;
  readonly schemaVersion: number;
  /** 32-bit hash of the encoded partition key: names the shard. */
  readonly hash: number;
  /** tableId(4) | hash(4) | partition key | sort key, order-preserving (`keys.ts`). */
  readonly rowKey: Buffer;
}

/**
 * A row's version: (shard incarnation, log index, ordinal in the entry), unique per write of a
 * row (protocols.md P5). As text: `1-523-0`, the ETag of the `/key` door.
 */
export type RowVersion = string;

/** HTTP preconditions: `any` stands for `*` (the row exists). */
export interface Precondition {
  readonly match?: readonly RowVersion[] | 'any' | undefined;
  readonly noneMatch?: readonly RowVersion[] | 'any' | undefined;
}

export interface GetCommand extends RowTarget {
  readonly kind: 'get';
  readonly consistent: boolean;
}

interface WriteCommand extends RowTarget {
  readonly condition?: Condition | undefined;
  readonly precondition?: Precondition | undefined;
  /** The reply must tell whether a row was there, and carry it if `old`. */
  readonly returns: 'nothing' | 'existence' | 'old';
  /** A failed condition's reply must carry the row (ReturnValuesOnConditionCheckFailure). */
  readonly returnOldOnFailure: boolean;
}

export interface PutCommand extends WriteCommand {
  readonly kind: 'put';
  readonly item: Buffer;
  /** DynamoDB's item size in bytes (`values/item-size.ts`). */
  readonly itemSize: number;
}

export interface DeleteCommand extends WriteCommand {
  readonly kind: 'delete';
}

export type ItemCommand = GetCommand | PutCommand | DeleteCommand;

export interface StoredItem {
  readonly item: Buffer;
  readonly itemSize: number;
  readonly version: RowVersion;
}

export type ItemReply =
  | { readonly kind: 'got'; readonly found: StoredItem | undefined }
  | {
      readonly kind: 'written';
      /** The new row's version; undefined after a delete. */
      readonly version: RowVersion | undefined;
      /** Whether a row was there; undefined if `returns` was `nothing`. */
      readonly existed: boolean | undefined;
      /** The row before, if asked for and there was one. */
      readonly old: StoredItem | undefined;
    }
  | { readonly kind: 'conditionFailed'; readonly old: StoredItem | undefined }
  | { readonly kind: 'preconditionFailed'; readonly version: RowVersion | undefined };
