/**
 * Configuration changes as proposed: what they are, how they lie in an entry, how they read in
 * text. Applying one is `conf-changer.ts`'s business. Version 1 is one change of one replica;
 * version 2 is any number, entering a joint configuration when it must or when asked to.
 *
 * Invariant: an empty version 2 change (no bytes at all) means "leave the joint configuration".
 */
import { assert } from '../lib/assert.ts';
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError } from '../lib/errors.ts';
import { EntryType } from './messages.ts';
import type { Entry, ReplicaId } from './messages.ts';

export const ConfChangeType = { addVoter: 0, remove: 1, update: 2, addLearner: 3 } as const;
export type ConfChangeType = (typeof ConfChangeType)[keyof typeof ConfChangeType];

export const ConfTransition = { auto: 0, jointImplicit: 1, jointExplicit: 2 } as const;
export type ConfTransition = (typeof ConfTransition)[keyof typeof ConfTransition];

export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  readonly id: ReplicaId;
}

export interface ConfChange {
  /** 1: exactly one change, `auto`. */
  readonly version: 1 | 2;
  readonly transition: ConfTransition;
  readonly changes: readonly ConfChangeSingle[];
  /** The proposer's own bytes, carried along. */
  readonly context: Buffer;
}

const noBytes = Buffer.alloc(0);
const formatVersion = 1;
const changesMax = 1024;

/** Leaves a joint configuration. */
export const leaveJointChange: ConfChange = {
  version: 2,
  transition: ConfTransition.auto,
  changes: [],
  context: noBytes,
};

/** A version 2 change. */
export function confChange(
  changes: readonly ConfChangeSingle[],
  transition: ConfTransition = ConfTransition.auto,
  context: Buffer = noBytes,
): ConfChange {
  return { version: 2, transition, changes, context };
}

/** A version 1 change: one replica. */
export function confChangeV1(change: ConfChangeSingle, context: Buffer = noBytes): ConfChange {
  return { version: 1, transition: ConfTransition.auto, changes: [change], context };
}

/** Whether the change enters a joint configuration, and is to leave it by itself. */
export function jointEntry(change: ConfChange): 'none' | 'autoLeave' | 'explicitLeave' {
  if (change.transition === ConfTransition.auto && change.changes.length <= 1) {
    return 'none';
  }
  return change.transition === ConfTransition.jointExplicit ? 'explicitLeave' : 'autoLeave';
}

export function isLeaveJoint(change: ConfChange): boolean {
  return change.transition === ConfTransition.auto && change.changes.length === 0;
}

export function confChangeEntryType(change: ConfChange): EntryType {
  return change.version === 1 ? EntryType.confChange : EntryType.confChangeV2;
}

export function encodeConfChange(change: ConfChange): Buffer {
  assert(change.version === 2 || change.changes.length === 1, 'Version 1 carries one change');
  if (isLeaveJoint(change) && change.context.length === 0) {
    return noBytes;
  }
  const writer = new ByteWriter();
  writer.u8(formatVersion).u8(change.transition).varint(change.changes.length);
  for (const { type, id } of change.changes) {
    writer.u8(type).varint(id);
  }
  return writer.bytes(change.context).finish();
}

/** The change of a configuration entry; undefined for a normal one. */
export function confChangeOfEntry(entry: Entry): ConfChange | undefined {
  if (entry.type === EntryType.normal) {
    return undefined;
  }
  const version = entry.type === EntryType.confChange ? 1 : 2;
  if (entry.data.length === 0) {
    return leaveJointChange;
  }
  const reader = new ByteReader(entry.data);
  const format = reader.u8();
  const transition = reader.u8();
  const count = reader.varint();
  const { jointExplicit } = ConfTransition;
  if (format !== formatVersion || transition > jointExplicit || count > changesMax) {
    throw new DynakvError('BadFrame', `Cannot read a configuration change: format ${format}`);
  }
  const changes: ConfChangeSingle[] = [];
  for (let i = 0; i < count; i++) {
    const type = reader.u8();
    if (type > ConfChangeType.addLearner) {
      throw new DynakvError('BadFrame', `Cannot read a configuration change: type ${type}`);
    }
    changes.push({ type: type as ConfChangeType, id: reader.varint() });
  }
  const context = reader.bytes();
  reader.expectEnd();
  return { version, transition: transition as ConfTransition, changes, context };
}

const letters = ['v', 'r', 'u', 'l'] as const;

/** `v1 l2 r3 u4`: voter, learner, remove, update. */
export function confChangesText(changes: readonly ConfChangeSingle[]): string {
  return changes.map(({ type, id }) => `${letters[type]}${id}`).join(' ');
}

/** The reverse of `confChangesText`; a string is what could not be understood. */
export function parseConfChanges(text: string): ConfChangeSingle[] | string {
  const changes: ConfChangeSingle[] = [];
  const trimmed = text.trim();
  for (const token of trimmed === '' ? [] : trimmed.split(' ')) {
    if (token.length < 2) {
      return `unknown token ${token}`;
    }
    const type = letters.indexOf(token[0] as (typeof letters)[number]);
    if (type < 0) {
      return `unknown input: ${token}`;
    }
    const digits = token.slice(1);
    if (!/^[0-9]+$/.test(digits)) {
      return `strconv.ParseUint: parsing "${digits}": invalid syntax`;
    }
    changes.push({ type: type as ConfChangeType, id: Number(digits) });
  }
  return changes;
}
