import { describe, expect, test } from '@jest/globals';
import type { ItemCommand } from '../items/command.ts';
import { rowTarget } from '../items/row-target.ts';
import type { TableRecord, TableSpec } from '../items/table.ts';
import { DynakvError } from '../lib/errors.ts';
import { executeOnTable } from './execute-on-table.ts';
import type { TableReply } from './execute-on-table.ts';
import { TestingBackend } from './testing-backend.ts';

const spec: TableSpec = {
  name: 'users',
  partitionKey: { name: 'id', type: 'S' },
  billingMode: 'PAY_PER_REQUEST',
  deletionProtection: false,
};
const mismatch = new DynakvError('SchemaMismatch', 'The shard knows version 2');

async function run(
  prepare: (backend: TestingBackend) => void | Promise<void>,
): Promise<{ made: number; outcome: Promise<TableReply> }> {
  const backend = new TestingBackend();
  await backend.create(spec);
  await prepare(backend);
  const made = { count: 0 };
  const source = {
    commandFor(table: TableRecord): ItemCommand {
      made.count += 1;
      return { kind: 'get', ...rowTarget(table, 'a'), consistent: true };
    },
  };
  const call = { deadlineMs: 1000, requestId: 'R' };
  const ports = { items: backend, tables: backend };
  const outcome = executeOnTable(ports, 'users', source, call);
  await outcome.catch(() => undefined);
  return { made: made.count, outcome };
}

describe('executeOnTable()', () => {
  test('executes once on a table of the local catalog', async () => {
    const { made, outcome } = await run(() => undefined);
    expect(await outcome).toMatchObject({ kind: 'replied', reply: { kind: 'got' } });
    expect(made).toBe(1);
  });

  test('asks the leader about a table unknown here', async () => {
    const { outcome } = await run((backend) => {
      backend.peeks = false;
    });
    expect(await outcome).toMatchObject({ kind: 'replied' });
  });

  test('makes the command anew after a schema mismatch, a bounded number of times', async () => {
    const once = await run((backend) => {
      backend.failures.push(mismatch);
    });
    expect(await once.outcome).toMatchObject({ kind: 'replied' });
    expect(once.made).toBe(2);
    const always = await run((backend) => {
      backend.failures.push(mismatch, mismatch, mismatch, mismatch, mismatch);
    });
    await expect(always.outcome).rejects.toMatchObject({ code: 'SchemaMismatch' });
    expect(always.made).toBe(4);
  });

  test('never retries another failure', async () => {
    const { made, outcome } = await run((backend) => {
      backend.failures.push(new DynakvError('OutcomeUnknown', 'The leader is gone'));
    });
    await expect(outcome).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    expect(made).toBe(1);
  });

  test('tells why no table serves', async () => {
    const creating = await run((backend) => {
      backend.setStatus('users', 'CREATING');
    });
    expect(await creating.outcome).toEqual({ kind: 'noTable', status: 'CREATING' });
    const gone = await run((backend) => {
      backend.drop('users');
    });
    expect(await gone.outcome).toEqual({ kind: 'noTable', status: undefined });
    const updating = await run((backend) => {
      backend.setStatus('users', 'UPDATING');
    });
    expect(await updating.outcome).toMatchObject({ kind: 'replied' });
  });
});
