/** GetItem: the request in DynamoDB's order of checks, up to what needs the table. */
import type { Projection } from '../../expressions/ast.ts';
import type { Item } from '../../values/attribute-value.ts';
import type { JsonObject } from '../../values/wire-types.ts';
import { Constraints, refuseUnserved } from '../constraints.ts';
import { returnConsumedCapacityValues } from '../consumed-capacity.ts';
import type { ReturnConsumedCapacity } from '../consumed-capacity.ts';
import { booleanMember, mapMember, stringMember } from '../json.ts';
import {
  checkConstraints,
  checkExpressionParameters,
  readItem,
  readProjection,
  readTableName,
} from './item-parameters.ts';

export interface GetItemRequest {
  readonly tableName: string;
  readonly key: Item;
  readonly consistent: boolean;
  readonly capacity: ReturnConsumedCapacity;
  readonly projection: Projection | undefined;
}

export function parseGetItem(input: JsonObject): GetItemRequest {
  const tableName = readTableName(input);
  const capacity = stringMember(input, 'ReturnConsumedCapacity');
  const consistent = booleanMember(input, 'ConsistentRead') ?? false;
  stringMember(input, 'ProjectionExpression');
  const map = mapMember(input, 'Key', 'AttributeValue');
  const constraints = new Constraints()
    .oneOf('returnConsumedCapacity', capacity, returnConsumedCapacityValues)
    .required('tableName', tableName)
    .tableNameToFind('tableName', tableName)
    .required('key', map);
  checkConstraints(constraints, input, ['Key']);
  checkExpressionParameters(input, 'ProjectionExpression', ['AttributesToGet']);
  refuseUnserved(input, ['AttributesToGet']);
  return {
    tableName: tableName ?? '',
    key: readItem(input, 'Key'),
    consistent,
    capacity: (capacity ?? 'NONE') as ReturnConsumedCapacity,
    projection: readProjection(input),
  };
}
