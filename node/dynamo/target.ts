/**
 * `X-Amz-Target`: which operation a request is for. One map look-up by the whole header value;
 * everything that is not in the map is an UnknownOperationException, whether DynamoDB has such an
 * operation or not.
 */
import { DynamoError } from './errors.ts';
import type { Operation } from './operation.ts';
import { createTable } from './operations/create-table.ts';
import { deleteItem } from './operations/delete-item.ts';
import { deleteTable } from './operations/delete-table.ts';
import { describeTable } from './operations/describe-table.ts';
import { getItem } from './operations/get-item.ts';
import { listTables } from './operations/list-tables.ts';
import { putItem } from './operations/put-item.ts';

export const targetPrefix = 'DynamoDB_20120810.';
/** Longer names are cut in messages. */
const shownLengthMax = 100;

export const operations: readonly Operation[] = [
  createTable,
  deleteItem,
  deleteTable,
  describeTable,
  getItem,
  listTables,
  putItem,
];

const operationsByTarget: ReadonlyMap<string, Operation> = new Map(
  operations.map((operation) => [targetPrefix + operation.name, operation]),
);

export function operationOf(target: string | readonly string[] | undefined): Operation {
  const operation = typeof target === 'string' ? operationsByTarget.get(target) : undefined;
  if (operation !== undefined) {
    return operation;
  }
  const shown = String(target ?? '').slice(0, shownLengthMax);
  throw new DynamoError('UnknownOperationException', `The operation is not supported: '${shown}'`);
}
