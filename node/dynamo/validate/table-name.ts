/**
 * `TableName` of the table operations: unlike in item operations its presence is checked first,
 * with a message of its own. So is its length, but for CreateTable, which counts it among its
 * constraints. Source: observed answers of DynamoDB.
 */
import type { JsonObject } from '../../values/wire-types.ts';
import { validationError } from '../errors.ts';
import { stringMember } from '../json.ts';
import { keyDoorTable, tableNameLengthMax, tableNameLengthMin } from '../limits.ts';
import { tableNameOf } from '../table-name.ts';

/** The name, of any form. */
export function presentTableName(input: JsonObject): string {
  const name = tableNameOf(stringMember(input, 'TableName'));
  if (name === undefined) {
    throw validationError(
      "The parameter 'TableName' is required but was not present in the request",
    );
  }
  return name;
}

/** The name, of a possible length. */
export function requiredTableName(input: JsonObject): string {
  const name = presentTableName(input);
  if (name === keyDoorTable) {
    return name;
  }
  if (name.length < tableNameLengthMin || name.length > tableNameLengthMax) {
    throw validationError(
      `TableName must be at least ${tableNameLengthMin} characters long and at most ${tableNameLengthMax} characters long`,
    );
  }
  return name;
}
