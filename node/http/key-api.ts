/**
 * The plain HTTP door: `/key/{id}` with one JSON value each, kept and returned to the letter.
 * GET, HEAD, PUT and DELETE; the version is the ETag, preconditions make compare-and-set. Values
 * live in the table `kv` of the DynamoDB API (`kv-table.ts`). Every error is a problem document.
 * Reference: `docs/api.md`. Source of the semantics: RFC 9110, sections 8.8, 9.3, 13.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodyBudget, readBody } from '../lib/body-reader.ts';
import type { BodyLimits, BodyOutcome } from '../lib/body-reader.ts';
import { AssertionError } from '../lib/assert.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { ItemReply, StoredItem } from '../items/command.ts';
import { outcomeOf, unknownOperation } from '../metrics/request-metrics.ts';
import type { RequestObserver, RequestOutcome } from '../metrics/request-metrics.ts';
import { executeOnTable } from '../router/execute-on-table.ts';
import type { CommandSource, ItemPorts } from '../router/execute-on-table.ts';
import type { ItemService, TableService } from '../router/ports.ts';
import type { Clock } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import { itemSizeBytesMax } from '../values/item-size.ts';
import { readItemText } from '../values/canonical-json.ts';
import { entityTag, judgeRead, preconditionOf } from './entity-tags.ts';
import { isJson, jsonTextOf } from './json-text.ts';
import { DeleteKey, GetKey, PutKey } from './key-commands.ts';
import { consistencyOf, idOf, refuseQuery, splitUrl } from './key-request.ts';
import { jsonOf, kvTableName } from './kv-table.ts';
import { defaultKeyApiLimits } from './limits.ts';
import type { KeyApiLimits } from './limits.ts';
import { Problem, problemOf, sendProblem } from './problem.ts';

export interface KeyApiParts {
  readonly items: ItemService;
  readonly tables: TableService;
  readonly clock: Clock;
  readonly requestIds: () => string;
  readonly logger: Logger;
  readonly observer?: RequestObserver | undefined;
  readonly limits?: Partial<KeyApiLimits> | undefined;
}

const allowedMethods = ['GET', 'HEAD', 'PUT', 'DELETE'];

/** One request on its way: what every step needs. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly query: string;
  readonly path: string;
}

export class KeyApi {
  readonly #ports: ItemPorts;
  readonly #parts: KeyApiParts;
  readonly #deadlineMs: number;
  readonly #bodyLimits: BodyLimits;

  constructor(parts: KeyApiParts) {
    const limits = { ...defaultKeyApiLimits, ...parts.limits };
    this.#parts = parts;
    this.#ports = { items: parts.items, tables: parts.tables };
    this.#deadlineMs = limits.deadlineMs;
    this.#bodyLimits = {
      bodyBytesMax: itemSizeBytesMax,
      discardBytesMax: limits.discardBytesMax,
      budget: new BodyBudget(limits.bodiesBytesMax),
    };
  }

  /** Answers a request whose path starts with `/key/`. The body is read first, whatever it is. */
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
    const { clock, logger, observer, requestIds } = this.#parts;
    const startedMs = clock.monotonicMs();
    const exchange: Exchange = {
      request,
      response,
      requestId: requestIds(),
      ...splitUrl(request.url ?? ''),
    };
    const method = request.method ?? '';
    let requestOutcome: RequestOutcome = 'ok';
    observer?.started();
    try {
      await this.#dispatch(method, exchange, outcome);
    } catch (thrown) {
      const { problem, unexpected } = problemOf(thrown);
      requestOutcome = outcomeOf(thrown, problem.status);
      if (unexpected) {
        logger.error('Request failed unexpectedly', {
          requestId: exchange.requestId,
          operation: `key ${method}`,
          error: messageOf(thrown),
          stack: (thrown as { stack?: unknown } | undefined)?.stack,
        });
      }
      if (outcome === 'endless') {
        response.setHeader('Connection', 'close');
      }
      sendProblem(response, problem, exchange.path, exchange.requestId);
    }
    const operation = allowedMethods.includes(method) ? method : unknownOperation;
    observer?.finished(operation, requestOutcome, clock.monotonicMs() - startedMs);
  }

  async #dispatch(method: string, exchange: Exchange, outcome: BodyOutcome): Promise<void> {
    switch (method) {
      case 'GET':
      case 'HEAD':
        return await this.#get(exchange);
      case 'PUT':
        return await this.#put(exchange, outcome);
      case 'DELETE':
        return await this.#delete(exchange);
      default:
        throw new Problem(
          'method-not-allowed',
          `${method} is not one of ${allowedMethods.join(', ')}`,
          {},
          { Allow: allowedMethods.join(', ') },
        );
    }
  }

  async #execute(source: CommandSource, requestId: string): Promise<ItemReply> {
    const deadlineMs = this.#parts.clock.monotonicMs() + this.#deadlineMs;
    const answer = await executeOnTable(this.#ports, kvTableName, source, {
      deadlineMs,
      requestId,
    });
    if (answer.kind === 'noTable') {
      throw new Problem(
        'table-missing',
        answer.status === undefined
          ? `The table ${kvTableName} does not exist: create it with partition key id (S)`
          : `The table ${kvTableName} is ${answer.status}`,
      );
    }
    return answer.reply;
  }

  async #get({ request, response, requestId, path, query }: Exchange): Promise<void> {
    const id = idOf(path);
    const consistent = consistencyOf(query);
    const precondition = preconditionOf(request.headers);
    const reply = await this.#execute(new GetKey(id, consistent), requestId);
    if (reply.kind !== 'got') {
      throw new AssertionError(`A read must not be answered with ${reply.kind}`);
    }
    const { found } = reply;
    const json = found === undefined ? undefined : storedJson(found);
    switch (judgeRead(precondition, found?.version)) {
      case 'failed':
        throw preconditionFailed(found?.version);
      case 'notModified':
        response.writeHead(304, { ETag: entityTag(found?.version ?? '') });
        response.end();
        return;
      case 'proceed':
        break;
    }
    if (found === undefined || json === undefined) {
      throw new Problem('key-not-found', 'No value is stored under this id');
    }
    const body = Buffer.from(json, 'utf8');
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      ETag: entityTag(found.version),
      'X-Request-Id': requestId,
    });
    response.end(body);
  }

  async #put(exchange: Exchange, outcome: BodyOutcome): Promise<void> {
    const { request, response, requestId, path, query } = exchange;
    const id = idOf(path);
    refuseQuery(query);
    const precondition = preconditionOf(request.headers);
    const command = new PutKey(id, jsonTextOf(bodyOf(outcome)), precondition);
    if (command.itemSize > itemSizeBytesMax) {
      throw tooLarge(`${command.itemSize} bytes`);
    }
    const reply = await this.#execute(command, requestId);
    if (reply.kind === 'preconditionFailed') {
      throw preconditionFailed(reply.version);
    }
    if (reply.kind !== 'written' || reply.version === undefined) {
      throw new AssertionError(`A put must not be answered with ${reply.kind}`);
    }
    response.writeHead(reply.existed === true ? 200 : 201, {
      'Content-Length': 0,
      ETag: entityTag(reply.version),
      'X-Request-Id': requestId,
    });
    response.end();
  }

  async #delete({ request, response, requestId, path, query }: Exchange): Promise<void> {
    const id = idOf(path);
    refuseQuery(query);
    const precondition = preconditionOf(request.headers);
    const reply = await this.#execute(new DeleteKey(id, precondition), requestId);
    if (reply.kind === 'preconditionFailed') {
      throw preconditionFailed(reply.version);
    }
    if (reply.kind !== 'written') {
      throw new AssertionError(`A delete must not be answered with ${reply.kind}`);
    }
    response.writeHead(204, { 'X-Request-Id': requestId });
    response.end();
  }
}

function tooLarge(size: string): Problem {
  return new Problem(
    'too-large',
    `The id, the attribute names and the text must be at most ${itemSizeBytesMax} bytes together: ${size}`,
  );
}

function bodyOf(outcome: BodyOutcome): Buffer {
  switch (outcome) {
    case 'tooLarge':
    case 'endless':
      throw tooLarge(`more than ${itemSizeBytesMax} bytes`);
    case 'busy':
      throw new DynakvError(
        'Throttled',
        'Too many bytes of requests are being received (bodiesBytesMax)',
      );
    default:
      return outcome;
  }
}

/** The stored text; an item that someone put without one through the other door is refused. */
function storedJson(found: StoredItem): string {
  const json = jsonOf(readItemText(found.item));
  if (json === undefined || !isJson(json)) {
    throw new Problem(
      'not-a-json-value',
      json === undefined
        ? 'The item has no attribute json of type S'
        : 'The attribute json of the item is not JSON',
      {},
      { ETag: entityTag(found.version) },
    );
  }
  return json;
}

function preconditionFailed(version: string | undefined): Problem {
  return version === undefined
    ? new Problem('precondition-failed', 'The key does not exist')
    : new Problem(
        'precondition-failed',
        `The stored value has the entity tag ${entityTag(version)}`,
        { etag: entityTag(version) },
      );
}
