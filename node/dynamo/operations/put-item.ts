/** PutItem: the item's text is made once, here; log, rows and reads carry those bytes. */
import type { PutCommand } from '../../items/command.ts';
import type { TableRecord } from '../../items/table.ts';
import type { CommandSource } from '../../router/execute-on-table.ts';
import { itemText } from '../../values/canonical-json.ts';
import { conditionPaths } from '../condition-paths.ts';
import { keyFromItem } from '../item-key.ts';
import type { Operation } from '../operation.ts';
import { rowTarget } from '../../items/row-target.ts';
import { checkKeyPaths } from '../validate/item-parameters.ts';
import { parsePutItem } from '../validate/put-item.ts';
import type { PutItemRequest } from '../validate/put-item.ts';
import { executeWrite, returnsOf } from './written.ts';

class PutSource implements CommandSource {
  readonly #request: PutItemRequest;
  readonly #text: Buffer;

  constructor(request: PutItemRequest) {
    this.#request = request;
    this.#text = itemText(request.item);
  }

  commandFor(table: TableRecord): PutCommand {
    const { item, itemSize, condition, returnOldOnFailure } = this.#request;
    const { partition, sort } = keyFromItem(item, table);
    const target = rowTarget(table, partition, sort);
    if (condition !== undefined) {
      checkKeyPaths(conditionPaths(condition), table);
    }
    return {
      kind: 'put',
      tableId: target.tableId,
      schemaVersion: target.schemaVersion,
      hash: target.hash,
      rowKey: target.rowKey,
      item: this.#text,
      itemSize,
      condition,
      returns: returnsOf(this.#request),
      returnOldOnFailure,
    };
  }
}

export const putItem: Operation = {
  name: 'PutItem',

  async run(input, ports, call) {
    const request = parsePutItem(input);
    return await executeWrite(ports, request, new PutSource(request), request.itemSize, call);
  },
};
