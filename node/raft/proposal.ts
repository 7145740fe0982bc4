/** Proposals: entries before they have a place in the log, and what may become of them. */
import { confChangeEntryType, encodeConfChange } from './conf-change.ts';
import type { ConfChange } from './conf-change.ts';
import { EntryType } from './messages.ts';
import type { Entry } from './messages.ts';

/** Why entries did not get into the log. Nothing of them did. */
export type ProposalRefusal =
  'noLeader' | 'notLeader' | 'transferring' | 'uncommittedLimit' | 'removed';

/**
 * The index of the first entry proposed, in the log from now on; `forwarded` if the proposal went
 * to the leader (then its index is not known); or why it was dropped.
 */
export type ProposalResult = number | 'forwarded' | ProposalRefusal;

/** An entry to propose: term and index follow. */
export function normalEntry(data: Buffer): Entry {
  return { term: 0, index: 0, type: EntryType.normal, data };
}

/** The entry that opens a term, or keeps the place of a refused change. */
export const emptyEntry: Entry = normalEntry(Buffer.alloc(0));

export function confChangeEntry(change: ConfChange): Entry {
  return { term: 0, index: 0, type: confChangeEntryType(change), data: encodeConfChange(change) };
}
