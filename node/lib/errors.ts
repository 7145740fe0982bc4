/**
 * The one table of operating errors that travel inside a node and between nodes. Programmer
 * errors are assertions (`assert.ts`). Only the doors translate these codes for clients.
 *
 * `retry` says what a caller may do without asking anyone:
 * - `now`: surely not done, and another attempt (after a fresh look-up) may succeed at once;
 * - `later`: surely not done, the place is overloaded or not open: back off;
 * - `never`: surely not done, the same request will be refused again;
 * - `unknown`: it may or may not have happened (design §3.3): never retried by the router.
 */

export const errorTable = {
  NotLeader: { retry: 'now', what: 'this replica does not lead the shard' },
  NotOpen: { retry: 'later', what: 'the leader is not open yet, or is handing over' },
  NoReplica: { retry: 'now', what: 'this node holds no replica of the shard' },
  SurelyNotDone: { retry: 'now', what: 'another entry was committed in its place' },
  SchemaMismatch: { retry: 'now', what: 'the shard knows another version of the table' },
  Throttled: { retry: 'later', what: 'a named limit of the node is reached' },
  DeadlineBeforeStart: { retry: 'never', what: 'the deadline passed before anything was done' },
  OutcomeUnknown: { retry: 'unknown', what: 'the outcome is unknown' },
  Unavailable: { retry: 'later', what: 'the node concerned cannot be reached or is stopping' },
  StoreFailed: { retry: 'never', what: 'the store failed and stopped serving' },
  NoSpace: { retry: 'later', what: 'no space is left on the device' },
  Quarantined: { retry: 'never', what: 'the store or replica is quarantined' },
  BadFrame: { retry: 'never', what: 'bytes from a peer or a file cannot be understood' },
  ConfigInvalid: { retry: 'never', what: 'the configuration is wrong' },
  WrongCluster: { retry: 'never', what: 'the peer or the data belongs to another cluster' },
  NewerFormat: { retry: 'never', what: 'the data was written by a newer release' },
  Refused: { retry: 'never', what: 'refused by a named rule' },
} as const satisfies Record<string, { retry: 'now' | 'later' | 'never' | 'unknown'; what: string }>;

export type ErrorCode = keyof typeof errorTable;
export type RetryKind = (typeof errorTable)[ErrorCode]['retry'];
export type ErrorFacts = Readonly<Record<string, string | number | boolean | undefined>>;

/** An operating error: a stable `code`, a sentence for people, and facts for programs. */
export class DynakvError extends Error {
  override readonly name = 'DynakvError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.facts = facts;
  }

  get retry(): RetryKind {
    return errorTable[this.code].retry;
  }
}

/** True for a `DynakvError`, of one code if given. Works across module realms (Jest). */
export function isDynakvError(error: unknown, code?: ErrorCode): error is DynakvError {
  const candidate = error as Partial<DynakvError> | null | undefined;
  return (
    candidate?.name === 'DynakvError' &&
    candidate.code !== undefined &&
    (code === undefined || candidate.code === code)
  );
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}
