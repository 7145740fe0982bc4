/** DeleteItem: deleting what is not there succeeds, as long as the condition holds. */
import type { DeleteCommand } from '../../items/command.ts';
import type { TableRecord } from '../../items/table.ts';
import type { CommandSource } from '../../router/execute-on-table.ts';
import { conditionPaths } from '../condition-paths.ts';
import { keyFromKey } from '../item-key.ts';
import type { Operation } from '../operation.ts';
import { rowTarget } from '../../items/row-target.ts';
import { parseDeleteItem } from '../validate/delete-item.ts';
import type { DeleteItemRequest } from '../validate/delete-item.ts';
import { checkKeyPaths } from '../validate/item-parameters.ts';
import { executeWrite, returnsOf } from './written.ts';

class DeleteSource implements CommandSource {
  readonly #request: DeleteItemRequest;

  constructor(request: DeleteItemRequest) {
    this.#request = request;
  }

  commandFor(table: TableRecord): DeleteCommand {
    const { key, condition, returnOldOnFailure } = this.#request;
    const { partition, sort } = keyFromKey(key, table);
    const target = rowTarget(table, partition, sort);
    if (condition !== undefined) {
      checkKeyPaths(conditionPaths(condition), table);
    }
    return {
      kind: 'delete',
      tableId: target.tableId,
      schemaVersion: target.schemaVersion,
      hash: target.hash,
      rowKey: target.rowKey,
      condition,
      returns: returnsOf(this.#request),
      returnOldOnFailure,
    };
  }
}

export const deleteItem: Operation = {
  name: 'DeleteItem',

  async run(input, ports, call) {
    const request = parseDeleteItem(input);
    return await executeWrite(ports, request, new DeleteSource(request), 0, call);
  },
};
