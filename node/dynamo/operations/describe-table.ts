/** DescribeTable: the record in any state, from the system group's leader. */
import { DynamoError } from '../errors.ts';
import { jsonReply } from '../operation.ts';
import type { Operation } from '../operation.ts';
import { describeTableRecord } from '../table-description.ts';
import { parseTableNameOnly } from '../validate/describe-table.ts';

/** The words for a missing table in the table operations; item operations say less. */
export function tableNotFound(name: string): DynamoError {
  return new DynamoError(
    'ResourceNotFoundException',
    `Requested resource not found: Table: ${name} not found`,
  );
}

export const describeTable: Operation = {
  name: 'DescribeTable',

  async run(input, { tables }, call) {
    const name = parseTableNameOnly(input);
    const table = await tables.find(name, call);
    if (table === undefined) {
      throw tableNotFound(name);
    }
    return jsonReply({ Table: describeTableRecord(table) });
  },
};
