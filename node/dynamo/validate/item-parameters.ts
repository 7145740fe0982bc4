/**
 * Parameters that item operations share: the legacy ones that are refused, names and values of
 * expressions that stand alone, capacity, and what a condition needs. Each function checks one
 * thing; the operations call them in DynamoDB's order.
 */
import type { Condition, DocumentPath, Projection } from '../../expressions/ast.ts';
import { parseCondition, parseProjection } from '../../expressions/parser.ts';

import { ExpressionContext } from '../../expressions/names-values.ts';
import type { TableRecord } from '../../items/table.ts';
import type { Item } from '../../values/attribute-value.ts';
import { checkItemShape, parseItem } from '../../values/parse-item.ts';
import type { JsonObject } from '../../values/wire-types.ts';
import type { Constraints } from '../constraints.ts';
import { validationError } from '../errors.ts';
import { mapMember, member, stringMember } from '../json.ts';
import { tableNameOf } from '../table-name.ts';

/** The name in `TableName`, not checked yet. */
export function readTableName(input: JsonObject): string | undefined {
  return tableNameOf(stringMember(input, 'TableName'));
}

/**
 * Throws the violations collected so far, but a wrong JSON type anywhere in `maps` first, as
 * DynamoDB reads the whole request before it judges any of it.
 */
export function checkConstraints(
  constraints: Constraints,
  input: JsonObject,
  maps: readonly string[],
): void {
  if (!constraints.violated) {
    return;
  }
  for (const name of maps) {
    const value = member(input, name);
    if (value !== undefined) {
      checkItemShape(value);
    }
  }
  constraints.check();
}

/** Names and values may only come with expressions; legacy parameters may not come with them. */
export function checkExpressionParameters(
  input: JsonObject,
  expression: 'ConditionExpression' | 'ProjectionExpression',
  legacy: readonly string[],
): void {
  const given = stringMember(input, expression) !== undefined;
  const legacyGiven = legacy.filter((name) => member(input, name) !== undefined);
  if (given && legacyGiven.length > 0) {
    throw validationError(
      'Can not use both expression and non-expression parameters in the same request: ' +
        `Non-expression parameters: {${legacyGiven.join(', ')}} ` +
        `Expression parameters: {${expression}}`,
    );
  }
  if (given) {
    return;
  }
  if (mapMember(input, 'ExpressionAttributeNames', 'java.lang.String') !== undefined) {
    throw validationError('ExpressionAttributeNames can only be specified when using expressions');
  }
  if (
    expression === 'ConditionExpression' &&
    mapMember(input, 'ExpressionAttributeValues', 'AttributeValue') !== undefined
  ) {
    throw validationError(
      'ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null',
    );
  }
}

/** A required map of attribute values, present by the constraints checked before. */
export function readItem(input: JsonObject, name: 'Item' | 'Key'): Item {
  return parseItem(member(input, name));
}

export function readCondition(input: JsonObject): Condition | undefined {
  const text = stringMember(input, 'ConditionExpression');
  if (text === undefined) {
    return undefined;
  }
  const context = new ExpressionContext({
    names: member(input, 'ExpressionAttributeNames'),
    values: member(input, 'ExpressionAttributeValues'),
  });
  const condition = parseCondition(text, context);
  context.checkAllUsed();
  return condition;
}

export function readProjection(input: JsonObject): Projection | undefined {
  const text = stringMember(input, 'ProjectionExpression');
  if (text === undefined) {
    return undefined;
  }
  const context = new ExpressionContext({
    names: member(input, 'ExpressionAttributeNames'),
  });
  const projection = parseProjection(text, context);
  context.checkAllUsed();
  return projection;
}

/** Key attributes are scalars: no path may lead into one. */
export function checkKeyPaths(paths: Iterable<DocumentPath>, table: TableRecord): void {
  for (const path of paths) {
    const [name] = path;
    if (path.length > 1 && (name === table.partitionKey.name || name === table.sortKey?.name)) {
      throw validationError(
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: " +
          `Key: ${name}`,
      );
    }
  }
}
