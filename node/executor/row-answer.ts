/**
 * Rows as answers. A row that cannot be read (damage that a checksum missed, a newer format) fails
 * the one command that met it: never the shard, never the node.
 */
import { DynakvError, isDynakvError } from '../lib/errors.ts';
import type { ItemReply } from '../items/command.ts';
import { decodeRow } from '../items/row.ts';

/** The error of a command that met a row it cannot read. */
export function unreadable(error: unknown): DynakvError {
  return isDynakvError(error) ? error : new DynakvError('BadFrame', 'Bad row', {}, error);
}

/** The reply to a read of `row`, null if absent. */
export function rowAnswer(row: Buffer | null): ItemReply | DynakvError {
  try {
    return { kind: 'got', found: row === null ? undefined : decodeRow(row) };
  } catch (error) {
    return unreadable(error);
  }
}
