/**
 * Where the core puts its messages: what may leave at once, and what promises something about the
 * log or the vote and leaves only after the write that makes it true.
 *
 * Invariant: append and vote answers are in `afterAppend`, everything else in `messages`; every
 * message but a forwarded one carries the current term, or for votes the one they are about.
 */
import { assert } from '../lib/assert.ts';
import { MessageType } from './messages.ts';
import type { Message, ReplicaId } from './messages.ts';
import type { MessageDraft } from './new-message.ts';

export class Outbox {
  /** The current term of the replica. */
  term = 0;
  /** To be sent at once. */
  messages: Message[] = [];
  /** To be sent, or stepped if to this replica, when everything so far is durable. */
  afterAppend: Message[] = [];
  readonly #id: ReplicaId;
  readonly #isCoalescing: boolean;

  constructor(id: ReplicaId, isCoalescing: boolean) {
    this.#id = id;
    this.#isCoalescing = isCoalescing;
  }

  send(message: MessageDraft): void {
    if (message.from === 0) {
      message.from = this.#id;
    }
    switch (message.type) {
      case MessageType.appResp:
        message.term = this.term;
        this.#sendAppendResponse(message);
        return;
      case MessageType.voteResp:
      case MessageType.preVoteResp:
        assert(message.term !== 0, 'A vote must carry a term');
        this.afterAppend.push(message);
        return;
      case MessageType.vote:
      case MessageType.preVote:
        assert(message.term !== 0, 'A vote request must carry a term');
        break;
      case MessageType.prop:
      case MessageType.readIndex:
        // Forwarded: they belong to no term.
        assert(message.term === 0, 'A forwarded message must not carry a term');
        break;
      default:
        message.term = this.term;
    }
    assert(message.to !== this.#id, 'A message must not be self-addressed');
    this.messages.push(message);
  }

  #sendAppendResponse(message: Message): void {
    const queue = this.afterAppend;
    const last = queue.at(-1);
    if (
      this.#isCoalescing &&
      last?.type === MessageType.appResp &&
      last.to === message.to &&
      last.term === message.term &&
      !last.reject &&
      !message.reject
    ) {
      // Acknowledgements are cumulative: the highest says it all.
      if (message.index > last.index) {
        queue[queue.length - 1] = message;
      }
      return;
    }
    queue.push(message);
  }

  takeMessages(): Message[] {
    const { messages } = this;
    this.messages = [];
    return messages;
  }

  takeAfterAppend(): Message[] {
    const { afterAppend } = this;
    this.afterAppend = [];
    return afterAppend;
  }
}
