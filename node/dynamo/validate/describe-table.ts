/** DescribeTable and DeleteTable: a table's name and nothing else. */
import type { JsonObject } from '../../values/wire-types.ts';
import { Constraints } from '../constraints.ts';
import { requiredTableName } from './table-name.ts';

export function parseTableNameOnly(input: JsonObject): string {
  const name = requiredTableName(input);
  new Constraints().tableNameCharacters('tableName', name).check();
  return name;
}
