/**
 * Errors of the plain HTTP doors as problem documents (RFC 9457, `application/problem+json`).
 * One table: name → status and title; `type` is a URN made of the name. Errors of the node are
 * translated here and nowhere else in this folder; an unknown outcome is told as one.
 */
import type { ServerResponse } from 'node:http';
import { isDynakvError } from '../lib/errors.ts';
import type { DynakvError } from '../lib/errors.ts';

export const problemTable = {
  'invalid-json': { status: 400, title: 'The body is not valid JSON' },
  'invalid-id': { status: 400, title: 'The id is not valid' },
  'invalid-query': { status: 400, title: 'The query is not valid' },
  'invalid-header': { status: 400, title: 'A header is not valid' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'key-not-found': { status: 404, title: 'The key does not exist' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed' },
  'table-missing': { status: 409, title: 'The table kv does not serve /key' },
  refused: { status: 409, title: 'Refused by a rule of the cluster' },
  'precondition-failed': { status: 412, title: 'A precondition failed' },
  'too-large': { status: 413, title: 'The value is too large' },
  'not-a-json-value': { status: 422, title: 'The stored item is not a JSON value' },
  throttled: { status: 429, title: 'A limit of the node is reached' },
  'internal-error': { status: 500, title: 'Internal error' },
  'unknown-outcome': { status: 500, title: 'The outcome is unknown' },
  unavailable: { status: 503, title: 'Not available at the moment' },
} as const;

export type ProblemName = keyof typeof problemTable;
export type ProblemFacts = Readonly<Record<string, string | number>>;

/** Seconds after which a client may try again. */
const retryAfterSeconds = 1;

export class Problem extends Error {
  override readonly name = 'Problem';
  readonly problem: ProblemName;
  /** Extension members of the document. */
  readonly facts: ProblemFacts;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    problem: ProblemName,
    detail: string,
    facts: ProblemFacts = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.problem = problem;
    this.facts = facts;
    this.headers = headers;
  }

  get status(): number {
    return problemTable[this.problem].status;
  }
}

export function isProblem(error: unknown): error is Problem {
  return (error as { name?: unknown } | null | undefined)?.name === 'Problem';
}

function problemNameOf(error: DynakvError): ProblemName {
  switch (error.code) {
    case 'Throttled':
      return 'throttled';
    case 'OutcomeUnknown':
      return 'unknown-outcome';
    case 'Refused':
      return 'refused';
    case 'BadFrame':
    case 'ConfigInvalid':
    case 'WrongCluster':
      return 'internal-error';
    default:
      return 'unavailable';
  }
}

/** Anything thrown, as a problem; `unexpected` marks faults of the program, to be logged. */
export function problemOf(error: unknown): { problem: Problem; unexpected: boolean } {
  if (isProblem(error)) {
    return { problem: error, unexpected: false };
  }
  if (isDynakvError(error)) {
    const name = problemNameOf(error);
    const wait: Record<string, string> =
      name === 'throttled' || name === 'unavailable'
        ? { 'Retry-After': String(retryAfterSeconds) }
        : {};
    return { problem: new Problem(name, error.message, {}, wait), unexpected: false };
  }
  return {
    problem: new Problem('internal-error', 'The request failed unexpectedly'),
    unexpected: true,
  };
}

/** Writes the document, unless the client is gone. `instance` is the path of the request. */
export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  instance: string,
  requestId: string,
): void {
  if (response.destroyed || response.headersSent) {
    return;
  }
  const { status, title } = problemTable[problem.problem];
  const body = Buffer.from(
    `${JSON.stringify({
      type: `urn:dynakv:problem:${problem.problem}`,
      title,
      status,
      detail: problem.message,
      instance,
      requestId,
      ...problem.facts,
    })}\n`,
    'utf8',
  );
  response.writeHead(status, {
    ...problem.headers,
    'Content-Type': 'application/problem+json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Request-Id': requestId,
  });
  response.end(body);
}
