/**
 * Decides one item command against the row as it will be: pure. The answer is a new row to log,
 * or a refusal or no-op that changes nothing (released later, protocols.md P4).
 */
import { evaluateCondition } from '../expressions/condition.ts';
import type {
  DeleteCommand,
  ItemReply,
  Precondition,
  PutCommand,
  RowVersion,
  StoredItem,
} from '../items/command.ts';
import { decodeRow } from '../items/row.ts';
import type { Item } from '../values/attribute-value.ts';

export type WriteCommand = PutCommand | DeleteCommand;

export type Decision =
  | { readonly kind: 'write'; readonly old: StoredItem | undefined }
  | { readonly kind: 'unchanged'; readonly reply: ItemReply };

/** True if the command cannot be decided without the present row. */
export function needsRow(command: WriteCommand): boolean {
  return (
    command.returns !== 'nothing' ||
    command.condition !== undefined ||
    command.precondition !== undefined
  );
}

function listed(versions: readonly RowVersion[] | 'any', version: RowVersion | undefined): boolean {
  return version !== undefined && (versions === 'any' || versions.includes(version));
}

/** RFC 9110 §13.1: `match` demands one of the versions, `noneMatch` forbids them. */
function holds(precondition: Precondition, version: RowVersion | undefined): boolean {
  const { match, noneMatch } = precondition;
  return (
    (match === undefined || listed(match, version)) &&
    (noneMatch === undefined || !listed(noneMatch, version))
  );
}

/** `row`: the present row's bytes, null if absent; only looked at if `needsRow`. */
export function decide(command: WriteCommand, row: Buffer | null): Decision {
  if (!needsRow(command)) {
    return { kind: 'write', old: undefined };
  }
  const old = row === null ? undefined : decodeRow(row);
  if (command.precondition !== undefined && !holds(command.precondition, old?.version)) {
    return { kind: 'unchanged', reply: { kind: 'preconditionFailed', version: old?.version } };
  }
  if (command.condition !== undefined) {
    const item = old === undefined ? undefined : (JSON.parse(old.item.toString('utf8')) as Item);
    if (!evaluateCondition(command.condition, item)) {
      const shown = command.returnOldOnFailure ? old : undefined;
      return { kind: 'unchanged', reply: { kind: 'conditionFailed', old: shown } };
    }
  }
  if (command.kind === 'delete' && old === undefined) {
    return {
      kind: 'unchanged',
      reply: { kind: 'written', version: undefined, existed: false, old: undefined },
    };
  }
  return { kind: 'write', old };
}

/** The reply to a write that was applied. */
export function writtenReply(
  command: WriteCommand,
  old: StoredItem | undefined,
  version: RowVersion | undefined,
): ItemReply {
  return {
    kind: 'written',
    version,
    existed: needsRow(command) ? old !== undefined : undefined,
    old: command.returns === 'old' ? old : undefined,
  };
}
