/**
 * Commands and replies between nodes as bytes (frames of kind `request` and `reply`).
 *
 * A request: id varint | deadline left in ms varint | group varint | head (JSON) bytes | row key
 * bytes | item bytes. A reply: id varint | 0 and an error (JSON), or 1, head (JSON) bytes and the
 * item bytes of the row shown. Item bytes are views of the frame.
 */
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError, errorTable } from '../lib/errors.ts';
import type { ErrorCode, ErrorFacts } from '../lib/errors.ts';
import type { ShardCommand } from '../executor/executors.ts';
import type { ItemReply, StoredItem } from '../items/command.ts';

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
}

export type AnyCommand = ShardCommand | SystemCommandFrame;

export function encodeRequest(request: Request<AnyCommand>): Buffer {
  const { command } = request;
  let head: string;
  let rowKey: Buffer = noBytes;
  let item: Buffer = noBytes;
  if (command.kind === 'schema' || command.kind === 'system') {
    head = JSON.stringify(command);
  } else if (command.kind === 'put') {
    const { rowKey: key, item: bytes, ...rest } = command;
    rowKey = key;
    item = bytes;
    head = JSON.stringify(rest);
  } else {
    const { rowKey: key, ...rest } = command;
    rowKey = key;
    head = JSON.stringify(rest);
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

const commandKinds: ReadonlySet<unknown> = new Set(['get', 'put', 'delete', 'schema', 'system']);

export function decodeRequest(frame: Buffer): Request<AnyCommand> {
  const reader = new ByteReader(frame);
  const id = reader.varint();
  const deadlineLeftMs = reader.varint();
  const groupId = reader.varint();
  const head = JSON.parse(reader.text()) as { kind?: unknown } & Record<string, unknown>;
  if (!commandKinds.has(head.kind)) {
    throw new DynakvError('BadFrame', `Cannot run a command of kind ${String(head.kind)}`);
  }
  const rowKey = reader.bytes();
  const item = reader.bytes();
  const command = (
    head.kind === 'schema' || head.kind === 'system'
      ? head
      : head.kind === 'put'
        ? { ...head, rowKey, item }
        : { ...head, rowKey }
  ) as AnyCommand;
  return { id, deadlineLeftMs, groupId, command };
}

/** What a shard or the system group answered. */
export type AnyReply = ItemReply | { readonly kind: 'system'; readonly body: unknown };

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

export function decodeReply(frame: Buffer): DecodedReply {
  const reader = new ByteReader(frame);
  const id = reader.varint();
  if (reader.u8() === 0) {
    const [code, message, facts] = JSON.parse(reader.text()) as [string, string, ErrorFacts];
    const known: ErrorCode = Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'Unavailable';
    return { id, error: new DynakvError(known, message, facts), reply: undefined };
  }
  const [rest, rowHead] = JSON.parse(reader.text()) as [
    { kind: string } & Record<string, unknown>,
    [string, number] | undefined | null,
  ];
  const item = reader.bytes();
  const row: StoredItem | undefined =
    rowHead === undefined || rowHead === null
      ? undefined
      : { version: rowHead[0], itemSize: rowHead[1], item };
  const reply = (
    rest.kind === 'got'
      ? { ...rest, found: row }
      : rest.kind === 'written' || rest.kind === 'conditionFailed'
        ? { ...rest, old: row }
        : rest
  ) as AnyReply;
  return { id, error: undefined, reply };
}
