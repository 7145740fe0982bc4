/**
 * Every limit of the client port's HTTP server and of the `/key` door, by name, unit last. The
 * server's are options with these defaults.
 */
import { kibibyte, mebibyte, minuteMs, secondMs } from '../lib/units.ts';

/** An id, in UTF-8: DynamoDB's limit for a partition key. */
export const idBytesMax = 2048;
/** Entity tags in one `If-Match` or `If-None-Match`. */
export const entityTagsMax = 100;

export interface KeyApiLimits {
  /** Bytes of all `/key` bodies held at once; beyond it requests are answered with 429. */
  readonly bodiesBytesMax: number;
  /** Bytes of an oversized body read and dropped before the connection is closed. */
  readonly discardBytesMax: number;
  /** Time for one request from its last byte in to its answer. */
  readonly deadlineMs: number;
}

export const defaultKeyApiLimits: KeyApiLimits = {
  bodiesBytesMax: 32 * mebibyte,
  discardBytesMax: 64 * mebibyte,
  deadlineMs: 10 * secondMs,
};

export interface ServerLimits {
  /** Open connections; further ones are closed at once. */
  readonly connectionsMax: number;
  /** All headers of a request together; more is answered with 431. */
  readonly headerBytesMax: number;
  readonly headersCountMax: number;
  /** From a request's first byte to the end of its headers; slower is answered with 408. */
  readonly headersTimeoutMs: number;
  /** From a request's first byte to the end of its body; slower is answered with 408. */
  readonly requestTimeoutMs: number;
  /** How often the two above are looked after. */
  readonly checkPeriodMs: number;
  /** An idle connection is kept for its next request so long: longer than SDKs keep theirs. */
  readonly keepAliveMs: number;
  /** A connection on which nothing moves, in the middle of a request or an answer, is closed. */
  readonly idleMs: number;
}

export const defaultServerLimits: ServerLimits = {
  connectionsMax: 10_000,
  headerBytesMax: 16 * kibibyte,
  headersCountMax: 100,
  headersTimeoutMs: 10 * secondMs,
  requestTimeoutMs: 15 * secondMs,
  checkPeriodMs: secondMs,
  keepAliveMs: 75 * secondMs,
  idleMs: minuteMs,
};
