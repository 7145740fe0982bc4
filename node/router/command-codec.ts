/**
 * Commands and replies between nodes as bytes (frames of kind `request` and `reply`).
 *
 * A request: id varint | deadline left in ms varint | group varint | head (JSON) bytes | row key
 * bytes | item bytes. A reply: id varint | 0 and an error (JSON), or 1, head (JSON) bytes and the
 * item bytes of the row shown. Item bytes are views of the frame. Whatever the bytes are, decoding
 * ends with a value of the declared shape (conditions are taken as they are) or with `BadFrame`.
 */
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError, errorTable, messageOf } from '../lib/errors.ts';
import type { ErrorCode, ErrorFacts } from '../lib/errors.ts';
import type { ShardCommand } from '../executor/executors.ts';
import type {
  GroupCommand,
  GroupReply,
  SurveyCommand,
  SurveyReply,
  WhereaboutsCommand,
  WhereaboutsReply,
} from '../host/group-commands.ts';
import { configureChangesMax } from '../host/group-commands.ts';
import { ConfChangeType } from '../raft/conf-change.ts';
import type { ItemReply, StoredItem } from '../items/command.ts';
import type { SchemaRow } from '../items/schema-row.ts';

export interface Request<C> {
  readonly id: number;
  readonly deadlineLeftMs: number;
  readonly groupId: number;
  readonly command: C;
}

const noBytes: Buffer = Buffer.alloc(0);

/** A command of the system group: plain JSON. */
export interface SystemCommandFrame {
  readonly kind: 'system';
  readonly body: unknown;
  /** Surely changes nothing: may be asked again when an answer is lost. */
  readonly reads?: true | undefined;
}

/** Asked of a node, not of the leader of a group. */
export type NodeQuestion = SurveyCommand | WhereaboutsCommand;
export type NodeAnswer = SurveyReply | WhereaboutsReply;

export type AnyCommand = ShardCommand | SystemCommandFrame | GroupCommand | NodeQuestion;

/** Whether a command without an answer may have changed something (design §3.3). */
export function mayHaveEffect(command: AnyCommand): boolean {
  switch (command.kind) {
    case 'system':
      return command.reads !== true;
    case 'get':
    case 'describe':
    case 'survey':
    case 'whereabouts':
    case 'transfer': // A leadership handed over twice does no harm.
      return false;
    default:
      return true;
  }
}

export function encodeRequest(request: Request<AnyCommand>): Buffer {
  const { command } = request;
  let head: string;
  let rowKey: Buffer = noBytes;
  let item: Buffer = noBytes;
  if (command.kind === 'put') {
    const { rowKey: key, item: bytes, ...rest } = command;
    rowKey = key;
    item = bytes;
    head = JSON.stringify(rest);
  } else if (command.kind === 'get' || command.kind === 'delete') {
    const { rowKey: key, ...rest } = command;
    rowKey = key;
    head = JSON.stringify(rest);
  } else {
    head = JSON.stringify(command);
  }
  return new ByteWriter(head.length + rowKey.length + item.length + 64)
    .varint(request.id)
    .varint(Math.max(0, Math.floor(request.deadlineLeftMs)))
    .varint(request.groupId)
    .text(head)
    .bytes(rowKey)
    .bytes(item)
    .finish();
}

function badFrame(what: string): DynakvError {
  return new DynakvError('BadFrame', `Cannot understand a command frame: ${what}`);
}

type Fields = Readonly<Record<string, unknown>>;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw badFrame(messageOf(error));
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isU32(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0xffff_ffff;
}

function isTarget(head: Fields): boolean {
  return isU32(head['tableId']) && isU32(head['schemaVersion']) && isU32(head['hash']);
}

const returned: ReadonlySet<unknown> = new Set(['nothing', 'existence', 'old']);

function isVersions(value: unknown): boolean {
  return value === undefined || value === 'any' || isTexts(value);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isWrite(head: Fields): boolean {
  const { condition, precondition } = head;
  return (
    isTarget(head) &&
    returned.has(head['returns']) &&
    typeof head['returnOldOnFailure'] === 'boolean' &&
    (condition === undefined || isFields(condition)) &&
    (precondition === undefined ||
      (isFields(precondition) &&
        isVersions(precondition['match']) &&
        isVersions(precondition['noneMatch'])))
  );
}

function isSchema(row: unknown): row is SchemaRow {
  return (
    isFields(row) &&
    isU32(row['tableId']) &&
    isU32(row['version']) &&
    (row['state'] === 'live' || row['state'] === 'dropped')
  );
}

const changeTypes: ReadonlySet<unknown> = new Set(Object.values(ConfChangeType));

function isId(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function isConfigure(head: Fields): boolean {
  const { expectedIndex, changes } = head;
  return (
    Number.isSafeInteger(expectedIndex) &&
    Array.isArray(changes) &&
    changes.length <= configureChangesMax &&
    changes.every((each) => isFields(each) && changeTypes.has(each['type']) && isId(each['id']))
  );
}

/** What a head of each kind must hold. */
const headChecks: Readonly<Record<AnyCommand['kind'], (head: Fields) => boolean>> = {
  get: (head) => isTarget(head) && typeof head['consistent'] === 'boolean',
  put: (head) => isWrite(head) && isU32(head['itemSize']),
  delete: isWrite,
  schema: (head) => isSchema(head['row']),
  system: (head) => isFields(head['body']),
  describe: (head) => typeof head['confirmed'] === 'boolean',
  configure: isConfigure,
  transfer: (head) => isId(head['to']),
  survey: (head) => Number.isSafeInteger(head['after']),
  whereabouts: () => true,
};

export function decodeRequest(frame: Buffer): Request<AnyCommand> {
  const reader = new ByteReader(frame);
  const id = reader.varint();
  const deadlineLeftMs = reader.varint();
  const groupId = reader.varint();
  const head = parseJson(reader.text());
  const kind = isFields(head) ? String(head['kind']) : '';
  if (!isFields(head) || !Object.hasOwn(headChecks, kind)) {
    throw badFrame(`a command of kind "${kind}"`);
  }
  if (!headChecks[kind as AnyCommand['kind']](head)) {
    throw badFrame(`a "${kind}" without its fields`);
  }
  const rowKey = reader.bytes();
  const item = reader.bytes();
  const command = (
    kind === 'put'
      ? { ...head, rowKey, item }
      : kind === 'get' || kind === 'delete'
        ? { ...head, rowKey }
        : head
  ) as AnyCommand;
  return { id, deadlineLeftMs, groupId, command };
}

/** What a shard, the system group, a group's leader or a node answered. */
export type AnyReply =
  ItemReply | { readonly kind: 'system'; readonly body: unknown } | GroupReply | NodeAnswer;

function shownRow(reply: AnyReply): StoredItem | undefined {
  switch (reply.kind) {
    case 'got':
      return reply.found;
    case 'written':
    case 'conditionFailed':
      return reply.old;
    default:
      return undefined;
  }
}

export function encodeReply(
  id: number,
  error: DynakvError | undefined,
  reply: AnyReply | undefined,
): Buffer {
  if (error !== undefined || reply === undefined) {
    const failure = error ?? new DynakvError('Unavailable', 'No reply');
    return new ByteWriter(256)
      .varint(id)
      .u8(0)
      .text(JSON.stringify([failure.code, failure.message, failure.facts]))
      .finish();
  }
  const row = shownRow(reply);
  const rowHead = row === undefined ? undefined : [row.version, row.itemSize];
  const rest: Record<string, unknown> = { ...reply };
  delete rest['found'];
  delete rest['old'];
  const item = row?.item ?? noBytes;
  return new ByteWriter(item.length + 256)
    .varint(id)
    .u8(1)
    .text(JSON.stringify([rest, rowHead]))
    .bytes(item)
    .finish();
}

export interface DecodedReply {
  readonly id: number;
  readonly error: DynakvError | undefined;
  readonly reply: AnyReply | undefined;
}

function decodeError(text: string): DynakvError {
  const parsed = parseJson(text);
  const [code, message, facts] = (Array.isArray(parsed) ? parsed : []) as unknown[];
  if (typeof code !== 'string' || typeof message !== 'string') {
    throw badFrame('an error without a code and a message');
  }
  // A code of a newer release: nothing is known but that no answer came of it.
  const known: ErrorCode = Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'OutcomeUnknown';
  return new DynakvError(known, message, isFields(facts) ? (facts as ErrorFacts) : {});
}

const replyKinds: ReadonlySet<unknown> = new Set([
  'got',
  'written',
  'conditionFailed',
  'preconditionFailed',
  'system',
  'described',
  'configured',
  'transferred',
  'surveyed',
  'found',
]);

function isFacts(value: unknown): boolean {
  return (
    isFields(value) &&
    Number.isSafeInteger(value['configurationIndex']) &&
    Array.isArray(value['members']) &&
    isFields(value['confState'])
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isListOf(value: unknown, isSound: (each: Fields) => boolean): boolean {
  return Array.isArray(value) && value.every((each) => isFields(each) && isSound(each));
}

/** Answers about groups hold what they must. */
function isReplySound(reply: Fields): boolean {
  switch (reply['kind']) {
    case 'described':
      return isFacts(reply['facts']);
    case 'configured':
      return Number.isSafeInteger(reply['index']);
    case 'surveyed':
      return Array.isArray(reply['groups']) && reply['groups'].every(isFacts);
    case 'found':
      return (
        Number.isSafeInteger(reply['index']) &&
        isListOf(reply['members'], ({ nodeId, address }) => isId(nodeId) && isText(address)) &&
        isListOf(reply['systemReplicas'], (each) => isId(each['nodeId']) && isId(each['replicaId']))
      );
    default:
      return true;
  }
}

function decodeShown(head: unknown, item: Buffer): StoredItem | undefined {
  if (head === undefined || head === null) {
    return undefined;
  }
  const [version, itemSize] = (Array.isArray(head) ? head : []) as unknown[];
  if (typeof version !== 'string' || typeof itemSize !== 'number') {
    throw badFrame('a row without its version and size');
  }
  return { version, itemSize, item };
}

export function decodeReply(frame: Buffer): DecodedReply {
  const reader = new ByteReader(frame);
  const id = reader.varint();
  if (reader.u8() === 0) {
    return { id, error: decodeError(reader.text()), reply: undefined };
  }
  const parsed = parseJson(reader.text());
  const [rest, rowHead] = (Array.isArray(parsed) ? parsed : []) as unknown[];
  if (!isFields(rest) || !replyKinds.has(rest['kind']) || !isReplySound(rest)) {
    throw badFrame('a reply of an unknown kind');
  }
  const row = decodeShown(rowHead, reader.bytes());
  const reply = (
    rest['kind'] === 'got'
      ? { ...rest, found: row }
      : rest['kind'] === 'written' || rest['kind'] === 'conditionFailed'
        ? { ...rest, old: row }
        : rest
  ) as AnyReply;
  return { id, error: undefined, reply };
}
