/**
 * Runs one item command on a table given by name: the local catalog first, the system group's
 * leader if that does not know an ACTIVE table of the name (never a stale "no"). A shard that
 * knows another version of the table refuses, surely without doing anything; the command is then
 * made anew from a fresh record, `attemptsMax` times in all.
 */
import { isDynakvError } from '../lib/errors.ts';
import type { ItemCommand, ItemReply } from '../items/command.ts';
import type { TableRecord, TableStatus } from '../items/table.ts';
import type { Call, ItemService, TableService } from './ports.ts';

const attemptsMax = 4;

/** A validated request that can be made a command once the table is known. */
export interface CommandSource {
  /** Checks keys against the table's schema: throws the door's own error. */
  commandFor(table: TableRecord): ItemCommand;
}

export type TableReply =
  | { readonly kind: 'replied'; readonly table: TableRecord; readonly reply: ItemReply }
  /** No table of the name serves; `status` tells why if there is one. */
  | { readonly kind: 'noTable'; readonly status: TableStatus | undefined };

export interface ItemPorts {
  readonly items: ItemService;
  readonly tables: TableService;
}

function serves(table: TableRecord): boolean {
  return table.status === 'ACTIVE' || table.status === 'UPDATING';
}

export async function executeOnTable(
  ports: ItemPorts,
  name: string,
  source: CommandSource,
  call: Call,
): Promise<TableReply> {
  let table = ports.tables.peek(name);
  for (let attempt = 1; ; attempt++) {
    table ??= await ports.tables.find(name, call);
    if (table === undefined || !serves(table)) {
      return { kind: 'noTable', status: table?.status };
    }
    try {
      const reply = await ports.items.execute(source.commandFor(table), call);
      return { kind: 'replied', table, reply };
    } catch (error) {
      if (attempt >= attemptsMax || !isDynakvError(error, 'SchemaMismatch')) {
        throw error;
      }
      table = undefined;
    }
  }
}
