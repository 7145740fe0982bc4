/** DeleteTable: the table turns DELETING and goes; doing it again meanwhile is no error. */
import { unreachable } from '../../lib/assert.ts';
import type { TableRecord } from '../../items/table.ts';
import { DynamoError, validationError } from '../errors.ts';
import { jsonReply } from '../operation.ts';
import type { Operation } from '../operation.ts';
import { describeTableRecord } from '../table-description.ts';
import { parseTableNameOnly } from '../validate/describe-table.ts';
import { tableNotFound } from './describe-table.ts';

function busyReply(table: TableRecord): Buffer {
  if (table.status === 'DELETING') {
    return jsonReply({ TableDescription: describeTableRecord(table) });
  }
  const doing = table.status === 'CREATING' ? 'created' : 'updated';
  throw new DynamoError(
    'ResourceInUseException',
    `Attempt to change a resource which is still in use: Table is being ${doing}: ${table.name}`,
  );
}

export const deleteTable: Operation = {
  name: 'DeleteTable',

  async run(input, { tables }, call) {
    const name = parseTableNameOnly(input);
    const outcome = await tables.remove(name, call);
    switch (outcome.kind) {
      case 'deleting':
        return jsonReply({ TableDescription: describeTableRecord(outcome.table, 'DELETING') });
      case 'missing':
        throw tableNotFound(name);
      case 'busy':
        return busyReply(outcome.table);
      case 'protected':
        throw validationError(
          'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
        );
      default:
        return unreachable(outcome);
    }
  },
};
