/** Messages under construction: every field set, always in the same order (one hidden class). */
import type { Entry, Message, MessageType, ReplicaId } from './messages.ts';

export type MessageDraft = { -readonly [Field in keyof Message]: Message[Field] };

export const noEntries: readonly Entry[] = [];
export const noMessages: readonly Message[] = [];

/** A message of `type` to `to` with nothing else in it; `from` and `term` are set when sent. */
export function newMessage(type: MessageType, to: ReplicaId): MessageDraft {
  return {
    type,
    to,
    from: 0,
    term: 0,
    logTerm: 0,
    index: 0,
    entries: noEntries,
    commit: 0,
    vote: 0,
    snapshot: undefined,
    reject: false,
    rejectHint: 0,
    context: undefined,
    responses: noMessages,
  };
}
