/** ListTables: the page's start and size. */
import type { JsonObject } from '../../values/wire-types.ts';
import { Constraints } from '../constraints.ts';
import { integerMember, stringMember } from '../json.ts';
import { listTablesLimitMax } from '../limits.ts';

export interface ListTablesRequest {
  readonly after: string | undefined;
  readonly limit: number;
}

export function parseListTables(input: JsonObject): ListTablesRequest {
  const after = stringMember(input, 'ExclusiveStartTableName');
  const limit = integerMember(input, 'Limit', 'Integer');
  new Constraints()
    .range('limit', limit, 1, listTablesLimitMax)
    .tableName('exclusiveStartTableName', after)
    .check();
  return { after, limit: limit ?? listTablesLimitMax };
}
