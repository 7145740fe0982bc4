/** From a write's outcome to its answer: the same for PutItem and DeleteItem. */
import type { ItemPorts } from '../../router/execute-on-table.ts';
import { executeOnTable } from '../../router/execute-on-table.ts';
import type { CommandSource, TableReply } from '../../router/execute-on-table.ts';
import type { Call } from '../../router/ports.ts';
import { AssertionError } from '../../lib/assert.ts';
import type { ItemReply } from '../../items/command.ts';
import { consumedCapacity, writeUnits } from '../consumed-capacity.ts';
import { DynamoError } from '../errors.ts';
import { itemReply } from '../item-reply.ts';
import type { WriteRequest } from '../validate/write-parameters.ts';

/** The reply of a table that serves; the words for one that does not are the item operations'. */
export function replyOf(answer: TableReply): ItemReply {
  if (answer.kind === 'noTable') {
    throw new DynamoError('ResourceNotFoundException', 'Requested resource not found');
  }
  return answer.reply;
}

/** What the shard is asked to tell: the old row also for capacity, which goes by its size. */
export function returnsOf(request: WriteRequest): 'nothing' | 'old' {
  return request.returnOld || request.capacity !== 'NONE' ? 'old' : 'nothing';
}

export async function executeWrite(
  ports: ItemPorts,
  request: WriteRequest,
  source: CommandSource,
  sizeAfter: number,
  call: Call,
): Promise<Buffer> {
  const reply = replyOf(await executeOnTable(ports, request.tableName, source, call));
  switch (reply.kind) {
    case 'written': {
      const units = writeUnits(reply.old?.itemSize ?? 0, sizeAfter);
      return itemReply(
        'Attributes',
        request.returnOld ? reply.old?.item : undefined,
        consumedCapacity(request.capacity, request.tableName, units),
      );
    }
    case 'conditionFailed':
      throw new DynamoError(
        'ConditionalCheckFailedException',
        'The conditional request failed',
        request.returnOldOnFailure ? reply.old?.item : undefined,
      );
    case 'got':
    case 'preconditionFailed':
      throw new AssertionError(`A write must not be answered with ${reply.kind}`);
  }
}
