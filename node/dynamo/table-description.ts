/**
 * A table record as the API's TableDescription. `ItemCount` and `TableSizeBytes` are left out:
 * nothing counts them yet, and a made-up zero would be believed.
 */
import { arnOfTable } from './table-name.ts';
import { secondMs } from '../lib/units.ts';
import type { KeyAttribute, TableRecord, TableStatus } from '../items/table.ts';

const keyElement = (key: KeyAttribute, keyType: 'HASH' | 'RANGE'): object => ({
  AttributeName: key.name,
  KeyType: keyType,
});

const definition = (key: KeyAttribute): object => ({
  AttributeName: key.name,
  AttributeType: key.type,
});

function throughput(table: TableRecord): object {
  return {
    NumberOfDecreasesToday: 0,
    ReadCapacityUnits: table.provisionedThroughput?.readCapacityUnits ?? 0,
    WriteCapacityUnits: table.provisionedThroughput?.writeCapacityUnits ?? 0,
  };
}

export function describeTableRecord(
  table: TableRecord,
  status: TableStatus = table.status,
): Record<string, unknown> {
  const { partitionKey, sortKey } = table;
  const createdAt = table.createdAtMs / secondMs;
  const keySchema = [keyElement(partitionKey, 'HASH')];
  const definitions = [definition(partitionKey)];
  if (sortKey !== undefined) {
    keySchema.push(keyElement(sortKey, 'RANGE'));
    definitions.push(definition(sortKey));
  }
  const description: Record<string, unknown> = {
    AttributeDefinitions: definitions,
    TableName: table.name,
    KeySchema: keySchema,
    TableStatus: status,
    CreationDateTime: createdAt,
    ProvisionedThroughput: throughput(table),
    TableArn: arnOfTable(table.name),
    TableId: table.uuid,
    DeletionProtectionEnabled: table.deletionProtection,
  };
  if (table.billingMode === 'PAY_PER_REQUEST') {
    description['BillingModeSummary'] = {
      BillingMode: 'PAY_PER_REQUEST',
      LastUpdateToPayPerRequestDateTime: createdAt,
    };
  }
  if (table.tableClass !== undefined) {
    description['TableClassSummary'] = { TableClass: table.tableClass };
  }
  return description;
}
