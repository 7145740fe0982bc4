/** What PutItem and DeleteItem have in common: all their parameters but the item and the key. */
import type { Condition } from '../../expressions/ast.ts';
import type { JsonObject } from '../../values/wire-types.ts';
import { Constraints, refuseUnserved } from '../constraints.ts';
import { returnConsumedCapacityValues } from '../consumed-capacity.ts';
import type { ReturnConsumedCapacity } from '../consumed-capacity.ts';
import { validationError } from '../errors.ts';
import { mapMember, stringMember } from '../json.ts';
import { checkConstraints, checkExpressionParameters, readTableName } from './item-parameters.ts';

export interface WriteRequest {
  readonly tableName: string;
  readonly returnOld: boolean;
  readonly capacity: ReturnConsumedCapacity;
  readonly condition: Condition | undefined;
  readonly returnOldOnFailure: boolean;
}

export interface WriteParameters {
  readonly tableName: string;
  readonly returnValues: string;
  readonly capacity: ReturnConsumedCapacity;
  readonly returnOldOnFailure: boolean;
}

const returnValuesSet = ['ALL_NEW', 'UPDATED_OLD', 'ALL_OLD', 'NONE', 'UPDATED_NEW'] as const;
const legacyParameters = ['Expected', 'ConditionalOperator'] as const;

/** JSON types, constraints, and which parameters may stand together. */
export function readWriteParameters(input: JsonObject, subject: 'Item' | 'Key'): WriteParameters {
  const tableName = readTableName(input);
  const capacity = stringMember(input, 'ReturnConsumedCapacity');
  const returnValues = stringMember(input, 'ReturnValues');
  const metrics = stringMember(input, 'ReturnItemCollectionMetrics');
  const onFailure = stringMember(input, 'ReturnValuesOnConditionCheckFailure');
  stringMember(input, 'ConditionExpression');
  const map = mapMember(input, subject, 'AttributeValue');
  const constraints = new Constraints()
    .oneOf('returnConsumedCapacity', capacity, returnConsumedCapacityValues)
    .required('tableName', tableName)
    .tableNameToFind('tableName', tableName);
  if (subject === 'Item') {
    constraints.required('item', map);
  }
  constraints
    .oneOf('returnValues', returnValues, returnValuesSet)
    .oneOf('returnItemCollectionMetrics', metrics, ['SIZE', 'NONE'])
    .oneOf('returnValuesOnConditionCheckFailure', onFailure, ['ALL_OLD', 'NONE']);
  if (subject === 'Key') {
    constraints.required('key', map);
  }
  checkConstraints(constraints, input, [subject, 'ExpressionAttributeValues']);
  checkExpressionParameters(input, 'ConditionExpression', ['Expected']);
  refuseUnserved(input, legacyParameters);
  return {
    tableName: tableName ?? '',
    returnValues: returnValues ?? 'NONE',
    capacity: (capacity ?? 'NONE') as ReturnConsumedCapacity,
    returnOldOnFailure: onFailure === 'ALL_OLD',
  };
}

/** Whether the old item is to be returned; other images make no sense for these operations. */
export function returnsOld(parameters: WriteParameters): boolean {
  const { returnValues } = parameters;
  if (returnValues !== 'NONE' && returnValues !== 'ALL_OLD') {
    throw validationError('ReturnValues can only be ALL_OLD or NONE');
  }
  return returnValues === 'ALL_OLD';
}
