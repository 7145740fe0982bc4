/**
 * The commands of interaction traces: a group of replicas in memory, messages in flight, and
 * everything that happens printed. One method per command; `run()` is the list of them.
 */
import { confChange, confChangeV1, ConfTransition, parseConfChanges } from '../raft/conf-change.ts';
import {
  describeEntries,
  describeMembers,
  describeMessage,
  describeReady,
  messageTypeOfName,
  roleName,
} from '../raft/describe.ts';
import { isJointVoter } from '../raft/joint-quorum.ts';
import { localAppendThread, localApplyThread, MessageType } from '../raft/messages.ts';
import type { Message, Snapshot } from '../raft/messages.ts';
import { newMessage, noMessages } from '../raft/new-message.ts';
import type { ProposalResult } from '../raft/proposal.ts';
import type { StepRefusal } from '../raft/raw-node.ts';
import { numbersOf, valueOf } from './datadriven.ts';
import type { Directive } from './datadriven.ts';
import { InteractionNode } from './raft-interaction-node.ts';
import type { NodeOptions } from './raft-interaction-node.ts';
import { InteractionOutput } from './raft-interaction-output.ts';

interface Recipient {
  readonly id: number;
  readonly isDropped: boolean;
}

/** An error of a command: printed after what it wrote. */
type Outcome = string | undefined;

/** Whether a round of `stabilize` found work, and the error that ended it. */
interface Round {
  readonly isBusy: boolean;
  readonly error: Outcome;
}

const inflightUnlimited = 2 ** 31 - 1;
const isLocalTarget = (id: number): boolean => id === localAppendThread || id === localApplyThread;
const isLocal = (message: Message): boolean =>
  message.from === message.to || isLocalTarget(message.from) || isLocalTarget(message.to);

function refusalText(refusal: StepRefusal): string {
  switch (refusal) {
    case 'localMessage':
      return 'raft: cannot step raft local message';
    case 'unknownPeer':
      return 'raft: cannot step as peer not found';
    default:
      return 'raft proposal dropped';
  }
}

function proposalOutcome(result: ProposalResult): Outcome {
  return typeof result === 'number' || result === 'forwarded' ? undefined : refusalText(result);
}

export class InteractionTrace {
  readonly #nodes: InteractionNode[] = [];
  #messages: Message[] = [];
  readonly #output = new InteractionOutput();

  /** Handles one directive. */
  run(directive: Directive): string {
    const output = this.#output;
    output.text = '';
    const error = this.#command(directive);
    if (error !== undefined) {
      if (output.isQuiet) {
        return error;
      }
      output.write(error);
    }
    return output.text === '' ? 'ok' : output.text;
  }

  #command(directive: Directive): Outcome {
    switch (directive.command) {
      case '_breakpoint':
        return undefined;
      case 'add-nodes':
        return this.#addNodes(directive);
      case 'campaign':
        this.#first(directive).raw.campaign();
        return undefined;
      case 'compact':
        return this.#compact(directive);
      case 'deliver-msgs':
        return this.#deliverMessages(directive);
      case 'process-ready':
        return this.#each(directive, 'handling Ready', (node) => this.#processReady(node));
      case 'process-append-thread':
        return this.#each(directive, 'processing append thread', (node) =>
          this.#processAppend(node),
        );
      case 'process-apply-thread':
        return this.#each(directive, 'processing apply thread', (node) => this.#processApply(node));
      case 'log-level':
        return this.#output.setLevel(directive.args[0]?.key ?? '');
      case 'raft-log':
        return this.#printLog(this.#first(directive));
      case 'raft-state':
        return this.#printState();
      case 'set-randomized-election-timeout':
        this.#first(directive).raw.raft.randomizedElectionTicks = Number(
          valueOf(directive, 'timeout'),
        );
        return undefined;
      case 'stabilize':
        return this.#stabilize(directive);
      case 'status':
        this.#output.write(describeMembers(this.#first(directive).raw.status().members));
        return undefined;
      case 'tick-election':
        return this.#tick(this.#first(directive), this.#first(directive).electionTicks);
      case 'tick-heartbeat':
        return this.#tick(this.#first(directive), this.#first(directive).heartbeatTicks);
      case 'transfer-leadership':
        this.#node(Number(valueOf(directive, 'from'))).raw.transferLeader(
          this.#node(Number(valueOf(directive, 'to'))).id,
        );
        return undefined;
      case 'forget-leader':
        this.#first(directive).raw.forgetLeader();
        return undefined;
      case 'send-snapshot':
        return this.#sendSnapshot(directive);
      case 'propose': {
        const data = Buffer.from(directive.args[1]?.key ?? '');
        return proposalOutcome(this.#first(directive).raw.propose(data));
      }
      case 'propose-conf-change':
        return this.#proposeConfChange(directive);
      case 'report-unreachable':
        return this.#reportUnreachable(directive);
      default:
        return 'unknown command';
    }
  }

  #node(id: number): InteractionNode {
    const node = this.#nodes[id - 1];
    if (node === undefined) {
      throw new Error(`Cannot find node ${id}: ${this.#nodes.length} nodes exist`);
    }
    return node;
  }

  #first(directive: Directive): InteractionNode {
    return this.#node(Number(directive.args[0]?.key));
  }

  /** Runs `work` on each node named; with more than one, under a heading. */
  #each(directive: Directive, what: string, work: (node: InteractionNode) => Outcome): Outcome {
    const ids = numbersOf(directive);
    for (const id of ids) {
      const node = this.#node(id);
      const error = ids.length > 1 ? this.#titled(`${id} ${what}`, () => work(node)) : work(node);
      if (error !== undefined) {
        return error;
      }
    }
    return undefined;
  }

  #titled(title: string, work: () => Outcome): Outcome {
    this.#output.write(`> ${title}\n`);
    let error: Outcome;
    this.#output.indent(() => {
      error = work();
    });
    return error;
  }

  #addNodes({ args }: Directive): Outcome {
    const voters: number[] = [];
    const learners: number[] = [];
    let index = 0;
    let content = '';
    let options: NodeOptions = {
      electionTicks: 3,
      heartbeatTicks: 1,
      messageBytesMax: Infinity,
      inflightMessagesMax: inflightUnlimited,
      logger: this.#output,
    };
    for (const { key, values } of args.slice(1)) {
      for (const value of values) {
        const isTrue = value === 'true';
        if (key === 'voters') {
          voters.push(Number(value));
        } else if (key === 'learners') {
          learners.push(Number(value));
        } else if (key === 'index') {
          index = Number(value);
          options = { ...options, applied: index };
        } else if (key === 'content') {
          content = value;
        } else if (key === 'inflight') {
          options = { ...options, inflightMessagesMax: Number(value) };
        } else if (key === 'async-storage-writes') {
          options = { ...options, asyncStorageWrites: isTrue };
        } else if (key === 'prevote') {
          options = { ...options, preVote: isTrue };
        } else if (key === 'checkquorum') {
          options = { ...options, checkQuorum: isTrue };
        } else if (key === 'max-committed-size-per-ready') {
          options = { ...options, applyingBytesMax: Number(value) };
        } else if (key === 'disable-conf-change-validation') {
          options = { ...options, disableConfChangeValidation: isTrue };
        } else if (key === 'step-down-on-removal') {
          options = { ...options, stepDownOnRemoval: isTrue };
        } else if (key === 'read-only') {
          if (value !== 'safe' && value !== 'lease-based') {
            return `invalid read-only option "${value}"`;
          }
          options = { ...options, readOnly: value === 'safe' ? 'safe' : 'lease' };
        }
      }
    }
    const isEmpty = voters.length + learners.length + index + content.length === 0;
    if (!isEmpty && index <= 1) {
      return 'index must be specified as > 1 due to bootstrap';
    }
    const confState = { voters, learners, votersOutgoing: [], learnersNext: [], autoLeave: false };
    const metadata = { index, term: isEmpty ? 0 : 1, confState };
    const snapshot: Snapshot = { metadata, data: Buffer.from(content) };
    for (let count = Number(args[0]?.key); count > 0; count--) {
      this.#nodes.push(new InteractionNode(this.#nodes.length + 1, options, snapshot));
    }
    return undefined;
  }

  #compact(directive: Directive): Outcome {
    const node = this.#first(directive);
    const isCompacted = node.storage.compact(Number(directive.args[1]?.key));
    return isCompacted ? this.#printLog(node) : 'requested index is unavailable due to compaction';
  }

  #deliverMessages({ args }: Directive): Outcome {
    let type: MessageType | undefined;
    const recipients: Recipient[] = [];
    for (const { key, values } of args) {
      if (values.length === 0) {
        recipients.push({ id: Number(key), isDropped: false });
      }
      for (const value of values) {
        if (key === 'drop') {
          recipients.push({ id: Number(value), isDropped: true });
        } else if (key === 'type') {
          type = messageTypeOfName(value);
          if (type === undefined) {
            throw new Error(`unknown message type ${value}`);
          }
        }
      }
    }
    let count = 0;
    for (const recipient of recipients) {
      count += this.#deliver(recipient, type);
    }
    if (count === 0) {
      this.#output.write('no messages\n');
    }
    return undefined;
  }

  /** Local messages are never dropped: those threads are reliable. */
  #isFor(message: Message, { id, isDropped }: Recipient, type: MessageType | undefined): boolean {
    return (
      message.to === id &&
      !(isDropped && isLocal(message)) &&
      (type === undefined || message.type === type)
    );
  }

  #deliver(recipient: Recipient, type?: MessageType): number {
    const messages = this.#messages.filter((message) => this.#isFor(message, recipient, type));
    this.#messages = this.#messages.filter((message) => !this.#isFor(message, recipient, type));
    for (const message of messages) {
      const prefix = recipient.isDropped ? 'dropped: ' : '';
      this.#output.write(`${prefix}${describeMessage(message)}\n`);
      if (!recipient.isDropped) {
        const refusal = this.#node(message.to).raw.step(message);
        if (refusal !== undefined) {
          this.#output.write(`${refusalText(refusal)}\n`);
        }
      }
    }
    return messages.length;
  }

  #processReady(node: InteractionNode): Outcome {
    const ready = node.raw.ready();
    this.#output.write(describeReady(ready));
    if (!node.isAsync) {
      const error = node.append(ready.hardState, ready.entries, ready.snapshot);
      if (error !== undefined) {
        return error;
      }
      node.apply(ready.committedEntries);
    }
    for (const message of ready.messages) {
      if (message.to === localAppendThread) {
        node.appendWork.push(message);
      } else if (message.to === localApplyThread) {
        node.applyWork.push(message);
      } else {
        this.#messages.push(message);
      }
    }
    if (!node.isAsync) {
      node.raw.advance();
    }
    return undefined;
  }

  #processAppend(node: InteractionNode): Outcome {
    const message = node.appendWork.shift();
    if (message === undefined) {
      this.#output.write('no append work to perform');
      return undefined;
    }
    this.#output.write(`Processing:\n${describeMessage({ ...message, responses: noMessages })}\n`);
    const { term, vote, commit, entries, snapshot } = message;
    const hasHardState = term !== 0 || vote !== 0 || commit !== 0;
    const hardState = hasHardState ? { term, vote, commit } : undefined;
    const error = node.append(hardState, entries, snapshot);
    if (error !== undefined) {
      return error;
    }
    this.#respond(message);
    return undefined;
  }

  #processApply(node: InteractionNode): Outcome {
    const message = node.applyWork.shift();
    if (message === undefined) {
      this.#output.write('no apply work to perform');
      return undefined;
    }
    this.#output.write(`Processing:\n${describeMessage({ ...message, responses: noMessages })}\n`);
    node.apply(message.entries);
    this.#respond(message);
    return undefined;
  }

  #respond({ responses }: Message): void {
    this.#output.write('Responses:\n');
    for (const response of responses) {
      this.#output.write(`${describeMessage(response)}\n`);
    }
    this.#messages.push(...responses);
  }

  #printLog({ storage }: InteractionNode): Outcome {
    const first = storage.firstIndex();
    const last = storage.lastIndex();
    if (last < first) {
      this.#output.write(`log is empty: first index=${first}, last index=${last}`);
      return undefined;
    }
    const entries = storage.entries(first, last + 1, Infinity);
    if (typeof entries === 'string') {
      return entries;
    }
    this.#output.write(describeEntries(entries));
    return undefined;
  }

  #printState(): Outcome {
    for (const { raw } of this.#nodes) {
      const { id, hardState, softState, config } = raw.status();
      const voter = isJointVoter(config.voters, id) ? '(Voter)' : '(Non-Voter)';
      const { role, leaderId } = softState;
      this.#output.write(
        `${id}: ${roleName(role)} ${voter} Term:${hardState.term} Lead:${leaderId}\n`,
      );
    }
    return undefined;
  }

  #tick({ raw }: InteractionNode, count: number): Outcome {
    for (let i = 0; i < count; i++) {
      raw.tick();
    }
    return undefined;
  }

  #sendSnapshot(directive: Directive): Outcome {
    const [from, to] = numbersOf(directive);
    const source = this.#node(Number(from));
    const message = newMessage(MessageType.snap, Number(to));
    message.from = source.id;
    message.term = source.raw.raft.term;
    message.snapshot = source.storage.snapshot();
    this.#messages.push(message);
    this.#output.write(describeMessage(message));
    return undefined;
  }

  #proposeConfChange(directive: Directive): Outcome {
    let isV1 = false;
    let transition: ConfTransition = ConfTransition.auto;
    for (const { key, values } of directive.args.slice(1)) {
      for (const value of values) {
        if (key === 'v1') {
          isV1 = value === 'true';
        } else if (key !== 'transition') {
          return `unknown command ${key}`;
        } else if (value === 'implicit') {
          transition = ConfTransition.jointImplicit;
        } else if (value === 'explicit') {
          transition = ConfTransition.jointExplicit;
        } else if (value !== 'auto') {
          return `unknown transition ${value}`;
        }
      }
    }
    const changes = parseConfChanges(directive.input);
    if (typeof changes === 'string') {
      return changes;
    }
    const { raw } = this.#first(directive);
    if (!isV1) {
      return proposalOutcome(raw.proposeConfChange(confChange(changes, transition)));
    }
    const [change] = changes;
    if (change === undefined || changes.length > 1 || transition !== ConfTransition.auto) {
      return 'v1 conf change can only have one operation and no transition';
    }
    return proposalOutcome(raw.proposeConfChange(confChangeV1(change)));
  }

  #reportUnreachable(directive: Directive): Outcome {
    const [reporter, reported, ...more] = numbersOf(directive);
    if (reporter === undefined || reported === undefined || more.length > 0) {
      return 'must specify exactly two node indexes: node on which to report, and reported node';
    }
    this.#node(reporter).raw.reportUnreachable(this.#node(reported).id);
    return undefined;
  }

  #stabilize(directive: Directive): Outcome {
    const { level } = this.#output;
    const name = valueOf(directive, 'log-level');
    if (name !== undefined) {
      const error = this.#output.setLevel(name);
      if (error !== undefined) {
        return error;
      }
    }
    const ids = numbersOf(directive);
    const nodes = ids.length > 0 ? ids.map((id) => this.#node(id)) : this.#nodes;
    let round: Round = { isBusy: true, error: undefined };
    while (round.isBusy) {
      round = this.#stabilizeOnce(nodes);
    }
    this.#output.level = level;
    return round.error;
  }

  /** One round of all work there is. */
  #stabilizeOnce(nodes: readonly InteractionNode[]): Round {
    let isBusy = false;
    for (const node of nodes) {
      if (node.raw.hasReady()) {
        const error = this.#titled(`${node.id} handling Ready`, () => this.#processReady(node));
        if (error !== undefined) {
          return { isBusy: false, error };
        }
        isBusy = true;
      }
    }
    for (const { id } of nodes) {
      if (this.#messages.some((message) => message.to === id)) {
        this.#titled(`${id} receiving messages`, () => {
          this.#deliver({ id, isDropped: false });
          return undefined;
        });
        isBusy = true;
      }
    }
    for (const [what, work, run] of this.#threads()) {
      for (const node of nodes) {
        if (node[work].length > 0) {
          this.#output.write(`> ${node.id} processing ${what} thread\n`);
          while (node[work].length > 0) {
            this.#output.indent(() => run(node));
          }
          isBusy = true;
        }
      }
    }
    return { isBusy, error: undefined };
  }

  #threads(): (readonly [
    string,
    'appendWork' | 'applyWork',
    (node: InteractionNode) => Outcome,
  ])[] {
    return [
      ['append', 'appendWork', (node) => this.#processAppend(node)],
      ['apply', 'applyWork', (node) => this.#processApply(node)],
    ];
  }
}
