/** ListTables: names in order, a page at a time. */
import { jsonReply } from '../operation.ts';
import type { Operation } from '../operation.ts';
import { parseListTables } from '../validate/list-tables.ts';

export const listTables: Operation = {
  name: 'ListTables',

  async run(input, { tables }, call) {
    const { after, limit } = parseListTables(input);
    const { names, more } = await tables.list(after, limit, call);
    const last = more ? names.at(-1) : undefined;
    return jsonReply(
      last === undefined
        ? { TableNames: names }
        : { TableNames: names, LastEvaluatedTableName: last },
    );
  },
};
