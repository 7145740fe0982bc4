/**
 * The one text form of everything in the core, for logs, debugging and the interaction traces
 * (`testdata/`, byte for byte): printers are part of the code, not of the tests.
 */
import { confChangeOfEntry, confChangesText } from './conf-change.ts';
import type { ConfChange } from './conf-change.ts';
import { idText } from './logger.ts';
import { localAppendThread, localApplyThread } from './messages.ts';
import type {
  ConfState,
  Entry,
  HardState,
  Message,
  MessageType,
  ReplicaId,
  Snapshot,
} from './messages.ts';
import type { Progress } from './progress.ts';
import type { AckedIndexer } from './quorum.ts';
import type { Ready, Role, SoftState } from './ready.ts';
import type { GroupConfig } from './tracker.ts';

const messageTypeNames = [
  'MsgHup',
  'MsgBeat',
  'MsgProp',
  'MsgApp',
  'MsgAppResp',
  'MsgVote',
  'MsgVoteResp',
  'MsgSnap',
  'MsgHeartbeat',
  'MsgHeartbeatResp',
  'MsgUnreachable',
  'MsgSnapStatus',
  'MsgCheckQuorum',
  'MsgTransferLeader',
  'MsgTimeoutNow',
  'MsgReadIndex',
  'MsgReadIndexResp',
  'MsgPreVote',
  'MsgPreVoteResp',
  'MsgStorageAppend',
  'MsgStorageAppendResp',
  'MsgStorageApply',
  'MsgStorageApplyResp',
  'MsgForgetLeader',
] as const;
const entryTypeNames = ['EntryNormal', 'EntryConfChange', 'EntryConfChangeV2'] as const;
const roleNames = {
  follower: 'StateFollower',
  candidate: 'StateCandidate',
  leader: 'StateLeader',
  preCandidate: 'StatePreCandidate',
} as const;
const progressNames = {
  probe: 'StateProbe',
  replicate: 'StateReplicate',
  snapshot: 'StateSnapshot',
} as const;
const confTransitionNames = [
  'ConfChangeTransitionAuto',
  'ConfChangeTransitionJointImplicit',
  'ConfChangeTransitionJointExplicit',
] as const;
const confChangeNames = [
  'ConfChangeAddNode',
  'ConfChangeRemoveNode',
  'ConfChangeUpdateNode',
  'ConfChangeAddLearnerNode',
] as const;

/** Formats the payload of a normal entry. */
export type EntryFormatter = (data: Buffer) => string;

export function messageTypeName(type: MessageType): string {
  return messageTypeNames[type];
}

/** The reverse of `messageTypeName`. */
export function messageTypeOfName(name: string): MessageType | undefined {
  const type = (messageTypeNames as readonly string[]).indexOf(name);
  return type < 0 ? undefined : (type as MessageType);
}

export function roleName(role: Role): string {
  return roleNames[role];
}

const escapes = new Map<number, string>([
  [7, '\\a'],
  [8, '\\b'],
  [9, '\\t'],
  [10, '\\n'],
  [11, '\\v'],
  [12, '\\f'],
  [13, '\\r'],
  [34, '\\"'],
  [92, '\\\\'],
]);
const unprintable = /[\p{C}\p{Z}]/u;

/** Length of the valid UTF-8 sequence at `at`; 0 if there is none. */
function sequenceLength(data: Buffer, at: number): number {
  const first = data[at] as number;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length < 2) {
    return length;
  }
  const text = data.toString('utf8', at, at + length);
  return Buffer.byteLength(text) === length && !text.includes('\ufffd') ? length : 0;
}

/** Bytes as a quoted string (the `%q` of Go). */
export function quoteBytes(data: Buffer): string {
  let text = '"';
  for (let at = 0; at < data.length;) {
    const length = sequenceLength(data, at);
    const byte = data[at] as number;
    if (length === 0) {
      text += `\\x${byte.toString(16).padStart(2, '0')}`;
      at += 1;
      continue;
    }
    const character = data.toString('utf8', at, at + length);
    const code = character.codePointAt(0) as number;
    const escape = escapes.get(code);
    if (escape !== undefined) {
      text += escape;
    } else if (code === 0x20 || !unprintable.test(character)) {
      text += character;
    } else if (code < 0x80) {
      text += `\\x${code.toString(16).padStart(2, '0')}`;
    } else if (code < 0x1_0000) {
      text += `\\u${code.toString(16).padStart(4, '0')}`;
    } else {
      text += `\\U${code.toString(16).padStart(8, '0')}`;
    }
    at += length;
  }
  return `${text}"`;
}

export function describeHardState(state: HardState): string {
  const vote = state.vote === 0 ? '' : ` Vote:${state.vote}`;
  return `Term:${state.term}${vote} Commit:${state.commit}`;
}

export function describeSoftState(state: SoftState): string {
  return `Lead:${state.leaderId} State:${roleName(state.role)}`;
}

const listText = (ids: readonly ReplicaId[]): string => `[${ids.join(' ')}]`;

export function describeConfState(state: ConfState): string {
  return (
    `Voters:${listText(state.voters)} VotersOutgoing:${listText(state.votersOutgoing)} ` +
    `Learners:${listText(state.learners)} LearnersNext:${listText(state.learnersNext)} ` +
    `AutoLeave:${state.autoLeave}`
  );
}

export function describeSnapshot(snapshot: Snapshot): string {
  const { index, term, confState } = snapshot.metadata;
  return `Index:${index} Term:${term} ConfState:${describeConfState(confState)}`;
}

export function describeTarget(id: ReplicaId): string {
  switch (id) {
    case 0:
      return 'None';
    case localAppendThread:
      return 'AppendThread';
    case localApplyThread:
      return 'ApplyThread';
    default:
      return idText(id);
  }
}

function describePayload(entry: Entry, format: EntryFormatter): string {
  try {
    const change = confChangeOfEntry(entry);
    return change === undefined ? format(entry.data) : confChangesText(change.changes);
  } catch (error) {
    return (error as Error).message;
  }
}

export function describeEntry(entry: Entry, format: EntryFormatter = quoteBytes): string {
  const payload = describePayload(entry, format);
  const name = entryTypeNames[entry.type];
  return `${entry.term}/${entry.index} ${name}${payload === '' ? '' : ` ${payload}`}`;
}

/** A line per entry. */
export function describeEntries(
  entries: readonly Entry[],
  format: EntryFormatter = quoteBytes,
): string {
  return entries.map((entry) => `${describeEntry(entry, format)}\n`).join('');
}

export function describeMessage(
  message: Message,
  format: EntryFormatter = quoteBytes,
  indent = '',
): string {
  const { entries, snapshot, responses } = message;
  let text =
    `${indent}${describeTarget(message.from)}->${describeTarget(message.to)} ` +
    `${messageTypeName(message.type)} Term:${message.term} Log:${message.logTerm}/${message.index}`;
  if (message.reject) {
    text += ` Rejected (Hint: ${message.rejectHint})`;
  }
  if (message.commit !== 0) {
    text += ` Commit:${message.commit}`;
  }
  if (message.vote !== 0) {
    text += ` Vote:${message.vote}`;
  }
  if (entries.length === 1) {
    text += ` Entries:[${describeEntry(entries[0] as Entry, format)}]`;
  } else if (entries.length > 1) {
    const lines = entries.map((entry) => `\n${indent}  ${describeEntry(entry, format)}`);
    text += ` Entries:[${lines.join('')}\n${indent}]`;
  }
  if (snapshot !== undefined && snapshot.metadata.index !== 0) {
    text += `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`;
  }
  if (responses.length > 0) {
    const lines = responses.map(
      (response) => `\n${describeMessage(response, format, `${indent}  `)}`,
    );
    text += ` Responses:[${lines.join('')}\n${indent}]`;
  }
  return text;
}

export function describeReady(ready: Ready, format: EntryFormatter = quoteBytes): string {
  let text = '';
  if (ready.softState !== undefined) {
    text += `${describeSoftState(ready.softState)}\n`;
  }
  if (ready.hardState !== undefined) {
    text += `HardState ${describeHardState(ready.hardState)}\n`;
  }
  if (ready.readStates.length > 0) {
    const states = ready.readStates.map(
      ({ index, context }) => `{${index} ${listText([...context])}}`,
    );
    text += `ReadStates [${states.join(' ')}]\n`;
  }
  if (ready.entries.length > 0) {
    text += `Entries:\n${describeEntries(ready.entries, format)}`;
  }
  if (ready.snapshot !== undefined) {
    text += `Snapshot ${describeSnapshot(ready.snapshot)}\n`;
  }
  if (ready.committedEntries.length > 0) {
    text += `CommittedEntries:\n${describeEntries(ready.committedEntries, format)}`;
  }
  if (ready.messages.length > 0) {
    const lines = ready.messages.map((message) => `${describeMessage(message, format)}\n`);
    text += `Messages:\n${lines.join('')}`;
  }
  return text === '' ? '<empty Ready>' : `Ready MustSync=${ready.mustSync}:\n${text}`;
}

export function describeConfChange(change: ConfChange): string {
  let text = `transition:${confTransitionNames[change.transition]}`;
  for (const { type, id } of change.changes) {
    text += ` changes:{type:${confChangeNames[type]} node_id:${id}}`;
  }
  return change.context.length === 0 ? text : `${text} context:${quoteBytes(change.context)}`;
}

/** `(1 2 3)`, ids in hexadecimal. */
export function describeVoters(ids: readonly ReplicaId[]): string {
  return `(${ids.map(idText).join(' ')})`;
}

export function describeGroupConfig(config: GroupConfig): string {
  const { incoming, outgoing } = config.voters;
  let text = `voters=${describeVoters(incoming)}`;
  if (outgoing.length > 0) {
    text += `&&${describeVoters(outgoing)}`;
  }
  if (config.learners.length > 0) {
    text += ` learners=${describeVoters(config.learners)}`;
  }
  if (config.learnersNext.length > 0) {
    text += ` learners_next=${describeVoters(config.learnersNext)}`;
  }
  return config.autoLeave ? `${text} autoleave` : text;
}

export function describeProgress(progress: Progress): string {
  const { state, match, next, pendingSnapshot, inflights } = progress;
  let text = `${progressNames[state]} match=${match} next=${next}`;
  if (progress.isLearner) {
    text += ' learner';
  }
  if (progress.isPaused) {
    text += ' paused';
  }
  if (pendingSnapshot > 0) {
    text += ` pendingSnap=${pendingSnapshot}`;
  }
  if (!progress.recentActive) {
    text += ' inactive';
  }
  if (inflights.count > 0) {
    text += ` inflight=${inflights.count}${inflights.full ? '[full]' : ''}`;
  }
  return text;
}

/** A line per member, in order of their ids. */
export function describeMembers(members: readonly Progress[]): string {
  return members.map((progress) => `${progress.id}: ${describeProgress(progress)}\n`).join('');
}

/** Who has acknowledged what, as bars; `voters` sorted. */
export function describeAcks(voters: readonly ReplicaId[], acked: AckedIndexer): string {
  const count = voters.length;
  if (count === 0) {
    return '<empty majority quorum>';
  }
  const indexes = voters.map((id) => acked.ackedIndex(id) ?? 0);
  let text = `${' '.repeat(count)}    idx\n`;
  for (const [i, id] of voters.entries()) {
    const index = indexes[i] as number;
    // The length of a bar is the number of voters that are behind.
    const bar = indexes.filter((other) => other < index).length;
    const mark =
      acked.ackedIndex(id) === undefined
        ? `?${' '.repeat(count)}`
        : `${'x'.repeat(bar)}>${' '.repeat(count - bar)}`;
    text += `${mark} ${String(index).padStart(5)}    (id=${idText(id)})\n`;
  }
  return text;
}
