/**
 * The one table of errors this door answers with: HTTP status, namespace of `__type`, name of the
 * message member. Messages are DynamoDB's own words wherever DynamoDB has words for the case.
 * Source: DynamoDB API reference, "Common errors"; developer guide, "Error handling".
 *
 * Inside the node errors are `DynakvError`s; `dynamoErrorOf` is the only place that translates
 * them, and it never turns an unknown outcome into a "no".
 */
import { isExpressionProblem } from '../expressions/expression-problem.ts';
import { isDynakvError, messageOf } from '../lib/errors.ts';
import type { DynakvError } from '../lib/errors.ts';
import { isValidationProblem } from '../values/validation-problem.ts';

const model = 'com.amazonaws.dynamodb.v20120810#';
const service = 'com.amazon.coral.service#';
const validate = 'com.amazon.coral.validate#';
const availability = 'com.amazon.coral.availability#';

/** Messages that quote the request (a set with duplicates) are cut at so many characters. */
const messageLengthMax = 8192;

interface ErrorRow {
  readonly status: number;
  readonly namespace: string;
  readonly messageName: 'message' | 'Message';
}

const row = (
  status: number,
  namespace: string,
  messageName: 'message' | 'Message' = 'message',
): ErrorRow => ({ status, namespace, messageName });

export const dynamoErrorTable = {
  ConditionalCheckFailedException: row(400, model),
  InternalServerError: row(500, model),
  LimitExceededException: row(400, model),
  RequestEntityTooLargeException: row(413, service),
  ResourceInUseException: row(400, model),
  ResourceNotFoundException: row(400, model),
  SerializationException: row(400, service, 'Message'),
  ServiceUnavailableException: row(503, service),
  ThrottlingException: row(400, availability),
  UnknownOperationException: row(400, service),
  ValidationException: row(400, validate),
} as const satisfies Record<string, ErrorRow>;

export type DynamoErrorCode = keyof typeof dynamoErrorTable;

/** A refusal in the client's terms. Expected and frequent: no cause, no facts. */
export class DynamoError extends Error {
  override readonly name = 'DynamoError';
  readonly code: DynamoErrorCode;
  /** The `Item` member of a failed condition: JSON text, spliced into the body. */
  readonly item: Buffer | undefined;

  constructor(code: DynamoErrorCode, message: string, item?: Buffer) {
    super(message);
    this.code = code;
    this.item = item;
  }

  get status(): number {
    return dynamoErrorTable[this.code].status;
  }

  body(): Buffer {
    const { namespace, messageName } = dynamoErrorTable[this.code];
    const message = this.message.slice(0, messageLengthMax);
    const text = JSON.stringify({ __type: namespace + this.code, [messageName]: message });
    if (this.item === undefined) {
      return Buffer.from(text, 'utf8');
    }
    return Buffer.concat([
      Buffer.from(`${text.slice(0, -1)},"Item":`, 'utf8'),
      this.item,
      Buffer.from('}', 'utf8'),
    ]);
  }
}

export function isDynamoError(error: unknown): error is DynamoError {
  return (error as { name?: unknown } | null | undefined)?.name === 'DynamoError';
}

export function validationError(message: string): DynamoError {
  return new DynamoError('ValidationException', message);
}

/** The form of most of DynamoDB's own validation messages. */
export function invalidParameter(what: string): DynamoError {
  return validationError(`One or more parameter values were invalid: ${what}`);
}

export function serializationError(message: string): DynamoError {
  return new DynamoError('SerializationException', message);
}

/** What the client is told about an error of the node. */
function fromNode(error: DynakvError): DynamoError {
  switch (error.code) {
    case 'Throttled':
      return new DynamoError('ThrottlingException', `Rate exceeded: ${error.message}`);
    case 'Refused':
      return validationError(error.message);
    case 'OutcomeUnknown':
      return new DynamoError(
        'InternalServerError',
        `The outcome is unknown, the write may have happened: ${error.message}`,
      );
    case 'BadFrame':
    case 'ConfigInvalid':
    case 'WrongCluster':
      return new DynamoError('InternalServerError', `Internal error: ${error.message}`);
    default:
      return new DynamoError(
        'ServiceUnavailableException',
        `Surely not done, try again: ${error.message}`,
      );
  }
}

/**
 * Anything thrown, as an answer. `unexpected` marks what no table foresees: a fault of the
 * program, which is to be logged, and whose text a client does not get.
 */
export function dynamoErrorOf(error: unknown): { error: DynamoError; unexpected: boolean } {
  if (isDynamoError(error)) {
    return { error, unexpected: false };
  }
  if (isValidationProblem(error)) {
    const code = error.kind === 'validation' ? 'ValidationException' : 'SerializationException';
    return { error: new DynamoError(code, error.message), unexpected: false };
  }
  if (isExpressionProblem(error)) {
    return { error: validationError(error.message), unexpected: false };
  }
  if (isDynakvError(error)) {
    return { error: fromNode(error), unexpected: false };
  }
  const internal = new DynamoError('InternalServerError', 'Internal server error');
  internal.cause = messageOf(error);
  return { error: internal, unexpected: true };
}
