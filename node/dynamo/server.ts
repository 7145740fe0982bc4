/**
 * The DynamoDB door: from a `node:http` request with an `X-Amz-Target` header to its answer,
 * without a framework in between. Everything that all operations share happens here once: the
 * body under its limits, the request id, the deadline, errors into answers, measuring.
 *
 * Credentials are not verified yet: any `Authorization` header, or none, is accepted.
 * Invariant: each request gets exactly one answer, or its connection is closed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodyBudget, readBody } from '../lib/body-reader.ts';
import type { BodyLimits, BodyOutcome } from '../lib/body-reader.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import { outcomeOf, unknownOperation } from '../metrics/request-metrics.ts';
import type { RequestObserver, RequestOutcome } from '../metrics/request-metrics.ts';
import type { ItemPorts } from '../router/execute-on-table.ts';
import type { ItemService, TableService } from '../router/ports.ts';
import type { Clock } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import { DynamoError, dynamoErrorOf } from './errors.ts';
import { parseBody } from './json.ts';
import { defaultDynamoLimits } from './limits.ts';
import type { DynamoLimits } from './limits.ts';
import { sendReply } from './reply.ts';
import { operationOf } from './target.ts';

export interface DynamoDoorParts {
  readonly items: ItemService;
  readonly tables: TableService;
  readonly clock: Clock;
  readonly requestIds: () => string;
  readonly logger: Logger;
  readonly observer?: RequestObserver | undefined;
  readonly limits?: Partial<DynamoLimits> | undefined;
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

class DynamoDoor {
  readonly #ports: ItemPorts;
  readonly #clock: Clock;
  readonly #requestIds: () => string;
  readonly #logger: Logger;
  readonly #observer: RequestObserver | undefined;
  readonly #deadlineMs: number;
  readonly #bodyLimits: BodyLimits;

  constructor(parts: DynamoDoorParts) {
    const limits = { ...defaultDynamoLimits, ...parts.limits };
    this.#ports = { items: parts.items, tables: parts.tables };
    this.#clock = parts.clock;
    this.#requestIds = parts.requestIds;
    this.#logger = parts.logger;
    this.#observer = parts.observer;
    this.#deadlineMs = limits.deadlineMs;
    this.#bodyLimits = {
      bodyBytesMax: limits.bodyBytesMax,
      discardBytesMax: limits.discardBytesMax,
      budget: new BodyBudget(limits.bodiesBytesMax),
    };
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    readBody(request, this.#bodyLimits, (outcome) => {
      void this.#answer(request, response, outcome);
    });
  }

  /** Never rejects. */
  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    outcome: BodyOutcome,
  ): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const requestId = this.#requestIds();
    let operationName = unknownOperation;
    let requestOutcome: RequestOutcome = 'ok';
    this.#observer?.started();
    try {
      const body = bodyOf(outcome);
      const operation = operationOf(request.headers['x-amz-target']);
      operationName = operation.name;
      const input = parseBody(body);
      const call = { deadlineMs: startedMs + this.#deadlineMs, requestId };
      sendReply(response, 200, await operation.run(input, this.#ports, call), requestId);
    } catch (thrown) {
      const { error, unexpected } = dynamoErrorOf(thrown);
      requestOutcome = outcomeOf(thrown, error.status);
      if (unexpected) {
        this.#logger.error('Request failed unexpectedly', {
          requestId,
          operation: operationName,
          error: messageOf(thrown),
          stack: (thrown as { stack?: unknown } | undefined)?.stack,
        });
      }
      sendReply(response, error.status, error.body(), requestId, outcome === 'endless');
    }
    const elapsedMs = this.#clock.monotonicMs() - startedMs;
    this.#observer?.finished(operationName, requestOutcome, elapsedMs);
  }
}

function bodyOf(outcome: BodyOutcome): Buffer {
  switch (outcome) {
    case 'tooLarge':
    case 'endless':
      throw new DynamoError('RequestEntityTooLargeException', 'The request body is too large');
    case 'busy':
      throw new DynakvError(
        'Throttled',
        'Too many bytes of requests are being received (bodiesBytesMax)',
      );
    default:
      return outcome;
  }
}

/** The handler for requests that carry `X-Amz-Target`. */
export function createDynamoHandler(parts: DynamoDoorParts): RequestHandler {
  const door = new DynamoDoor(parts);
  return (request, response) => {
    door.handle(request, response);
  };
}
