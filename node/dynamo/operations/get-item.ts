/** GetItem: without a projection the stored text is spliced into the answer, never parsed. */
import { AssertionError } from '../../lib/assert.ts';
import { project } from '../../expressions/projection.ts';
import type { GetCommand } from '../../items/command.ts';
import type { TableRecord } from '../../items/table.ts';
import { executeOnTable } from '../../router/execute-on-table.ts';
import type { CommandSource } from '../../router/execute-on-table.ts';
import { itemText, readItemText } from '../../values/canonical-json.ts';
import { consumedCapacity, readUnits } from '../consumed-capacity.ts';
import { keyFromKey } from '../item-key.ts';
import { itemReply } from '../item-reply.ts';
import type { Operation } from '../operation.ts';
import { rowTarget } from '../../items/row-target.ts';
import { parseGetItem } from '../validate/get-item.ts';
import type { GetItemRequest } from '../validate/get-item.ts';
import { checkKeyPaths } from '../validate/item-parameters.ts';
import { replyOf } from './written.ts';

class GetSource implements CommandSource {
  readonly #request: GetItemRequest;

  constructor(request: GetItemRequest) {
    this.#request = request;
  }

  commandFor(table: TableRecord): GetCommand {
    const { key, projection, consistent } = this.#request;
    const { partition, sort } = keyFromKey(key, table);
    const target = rowTarget(table, partition, sort);
    if (projection !== undefined) {
      checkKeyPaths(projection, table);
    }
    return {
      kind: 'get',
      tableId: target.tableId,
      schemaVersion: target.schemaVersion,
      hash: target.hash,
      rowKey: target.rowKey,
      consistent,
    };
  }
}

export const getItem: Operation = {
  name: 'GetItem',

  async run(input, ports, call) {
    const request = parseGetItem(input);
    const { tableName, projection, capacity, consistent } = request;
    const reply = replyOf(await executeOnTable(ports, tableName, new GetSource(request), call));
    if (reply.kind !== 'got') {
      throw new AssertionError(`A read must not be answered with ${reply.kind}`);
    }
    const { found } = reply;
    const consumed =
      capacity === 'NONE'
        ? undefined
        : consumedCapacity(capacity, tableName, readUnits(found?.itemSize ?? 0, consistent));
    if (found === undefined || projection === undefined) {
      return itemReply('Item', found?.item, consumed);
    }
    const projected = project(projection, readItemText(found.item));
    return itemReply('Item', itemText(projected), consumed);
  },
};
