/** CreateTable: hands the specification to the manager; the table starts as CREATING. */
import { unreachable } from '../../lib/assert.ts';
import { DynamoError } from '../errors.ts';
import { jsonReply } from '../operation.ts';
import type { Operation } from '../operation.ts';
import { describeTableRecord } from '../table-description.ts';
import { parseCreateTable } from '../validate/create-table.ts';

export const createTable: Operation = {
  name: 'CreateTable',

  async run(input, { tables }, call) {
    const spec = parseCreateTable(input);
    const outcome = await tables.create(spec, call);
    switch (outcome.kind) {
      case 'created':
        return jsonReply({ TableDescription: describeTableRecord(outcome.table) });
      case 'exists':
        throw new DynamoError('ResourceInUseException', `Table already exists: ${spec.name}`);
      case 'limit':
        throw new DynamoError('LimitExceededException', outcome.message);
      default:
        return unreachable(outcome);
    }
  },
};
