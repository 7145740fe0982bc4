/**
 * Errors across gRPC: a `DynakvError` becomes a status with its code and a named `reason` in the
 * trailing metadata, and back. Not for the clients of the data doors.
 */
import { Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js';

import {
  DynakvError,
  errorTable,
  isDynakvError,
  messageOf,
  type ErrorCode,
} from '../lib/errors.ts';

const reasonKey = 'reason';
const codeKey = 'dynakv-code';

const grpcCodes: Readonly<Partial<Record<ErrorCode, status>>> = {
  NotLeader: status.FAILED_PRECONDITION,
  NotOpen: status.UNAVAILABLE,
  Throttled: status.RESOURCE_EXHAUSTED,
  NoSpace: status.RESOURCE_EXHAUSTED,
  DeadlineBeforeStart: status.DEADLINE_EXCEEDED,
  Unavailable: status.UNAVAILABLE,
  BadFrame: status.INVALID_ARGUMENT,
  ConfigInvalid: status.INVALID_ARGUMENT,
  Refused: status.FAILED_PRECONDITION,
  WrongCluster: status.FAILED_PRECONDITION,
  Quarantined: status.FAILED_PRECONDITION,
  StoreFailed: status.INTERNAL,
};

export interface GrpcFailure {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** What a call that failed with `error` answers. */
export function toGrpcFailure(error: unknown): GrpcFailure {
  const metadata = new Metadata();
  if (!isDynakvError(error)) {
    metadata.set(reasonKey, 'Internal');
    return { code: status.INTERNAL, details: messageOf(error), metadata };
  }
  const reason = error.facts['reason'];
  metadata.set(reasonKey, typeof reason === 'string' ? reason : error.code);
  metadata.set(codeKey, error.code);
  return { code: grpcCodes[error.code] ?? status.UNKNOWN, details: error.message, metadata };
}

/** The failure of a call as an operating error; facts `reason` and `grpcCode`. */
export function fromGrpcFailure(failure: ServiceError | StatusObject): DynakvError {
  const code = textOf(failure.metadata, codeKey);
  const reason = textOf(failure.metadata, reasonKey);
  return new DynakvError(
    isErrorCode(code) ? code : codeWithout(failure.code),
    failure.details,
    { reason, grpcCode: failure.code },
    failure,
  );
}

/** True if a connection could not be made because nobody listens there. */
export function isConnectionRefused(details: string): boolean {
  return details.includes('ECONNREFUSED');
}

/** The failure of a call that was refused with a name. */
export function refusalOf(reason: string, message: string): GrpcFailure {
  return toGrpcFailure(new DynakvError('Refused', message, { reason }));
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(errorTable, code);
}

/** The peer gave no code of ours: the call broke on the way, or it is another program. */
function codeWithout(code: status): ErrorCode {
  return code === status.DEADLINE_EXCEEDED ? 'OutcomeUnknown' : 'Unavailable';
}

function textOf(metadata: Metadata | undefined, key: string): string | undefined {
  const value = metadata?.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}
