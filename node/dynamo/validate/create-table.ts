/**
 * CreateTable: from the request to a `TableSpec`, every rule in DynamoDB's order and words:
 * JSON types, then constraints together, then billing, then key schema against definitions.
 * What the API models and the product does not serve yet is refused by name; values that mean
 * "off" (a disabled stream, default encryption) are taken as what they say.
 * Source: API reference, CreateTable; observed answers of DynamoDB.
 */
import type { KeyAttribute, TableSpec } from '../../items/table.ts';
import type { KeyType } from '../../values/attribute-value.ts';
import type { JsonObject } from '../../values/wire-types.ts';
import { Constraints, refuseUnserved } from '../constraints.ts';
import { invalidParameter, validationError } from '../errors.ts';
import {
  booleanMember,
  integerMember,
  stringMember,
  structureMember,
  structuresMember,
} from '../json.ts';
import {
  capacityUnitsMax,
  keyAttributeNameLengthMax,
  tagKeyLengthMax,
  tagsMax,
  tagValueLengthMax,
} from '../limits.ts';
import { presentTableName } from './table-name.ts';

interface Definition {
  readonly name: string | undefined;
  readonly type: string | undefined;
}

interface Element {
  readonly name: string | undefined;
  readonly keyType: string | undefined;
}

interface Throughput {
  readonly readCapacityUnits: number | undefined;
  readonly writeCapacityUnits: number | undefined;
}

interface Tag {
  readonly key: string | undefined;
  readonly value: string | undefined;
}

/** The request by type, nothing checked but JSON types. */
interface Request {
  readonly tableName: string;
  readonly definitions: readonly Definition[] | undefined;
  readonly elements: readonly Element[] | undefined;
  readonly billingMode: string | undefined;
  readonly throughput: Throughput | undefined;
  readonly tableClass: string | undefined;
  readonly deletionProtection: boolean | undefined;
  readonly tags: readonly Tag[] | undefined;
}

const unservedParameters = [
  'LocalSecondaryIndexes',
  'GlobalSecondaryIndexes',
  'VectorIndexes',
  'WarmThroughput',
  'OnDemandThroughput',
  'ResourcePolicy',
  'GlobalTableSourceArn',
  'GlobalTableSettingsReplicationMode',
] as const;

/** Parameters that are served only as long as they say "off". */
const switches = [
  { parameter: 'StreamSpecification', enabled: 'StreamEnabled' },
  { parameter: 'SSESpecification', enabled: 'Enabled' },
] as const;

function readThroughput(input: JsonObject): Throughput | undefined {
  const source = structureMember(input, 'ProvisionedThroughput', 'ProvisionedThroughput');
  return source === undefined
    ? undefined
    : {
        readCapacityUnits: integerMember(source, 'ReadCapacityUnits', 'Long'),
        writeCapacityUnits: integerMember(source, 'WriteCapacityUnits', 'Long'),
      };
}

function readRequest(input: JsonObject): Request {
  const definitions = structuresMember(input, 'AttributeDefinitions', 'AttributeDefinition');
  const elements = structuresMember(input, 'KeySchema', 'KeySchemaElement');
  const tags = structuresMember(input, 'Tags', 'Tag');
  for (const { parameter, enabled } of switches) {
    booleanMember(structureMember(input, parameter, parameter) ?? {}, enabled);
  }
  return {
    definitions: definitions?.map((definition) => ({
      name: stringMember(definition, 'AttributeName'),
      type: stringMember(definition, 'AttributeType'),
    })),
    elements: elements?.map((element) => ({
      name: stringMember(element, 'AttributeName'),
      keyType: stringMember(element, 'KeyType'),
    })),
    billingMode: stringMember(input, 'BillingMode'),
    throughput: readThroughput(input),
    tableClass: stringMember(input, 'TableClass'),
    deletionProtection: booleanMember(input, 'DeletionProtectionEnabled'),
    tags: tags?.map((tag) => ({
      key: stringMember(tag, 'Key'),
      value: stringMember(tag, 'Value'),
    })),
    tableName: presentTableName(input),
  };
}

/** As DynamoDB's messages write a key schema. */
function shownElements(elements: readonly Element[] | undefined): string {
  const shown = elements?.map(
    ({ name, keyType }) =>
      `KeySchemaElement(attributeName=${name ?? 'null'}, keyType=${keyType ?? 'null'})`,
  );
  return `[${shown?.join(', ') ?? ''}]`;
}

function checkConstraints(request: Request): void {
  const constraints = new Constraints();
  constraints.required('attributeDefinitions', request.definitions);
  request.definitions?.forEach(({ name, type }, index) => {
    const path = `attributeDefinitions.${index + 1}.member`;
    constraints
      .required(`${path}.attributeName`, name)
      .length(`${path}.attributeName`, name, 1, keyAttributeNameLengthMax)
      .required(`${path}.attributeType`, type)
      .oneOf(`${path}.attributeType`, type, ['B', 'N', 'S']);
  });
  constraints
    .tableName('tableName', request.tableName)
    .oneOf('billingMode', request.billingMode, ['PROVISIONED', 'PAY_PER_REQUEST']);
  if (request.throughput !== undefined) {
    const { readCapacityUnits, writeCapacityUnits } = request.throughput;
    constraints
      .required('provisionedThroughput.writeCapacityUnits', writeCapacityUnits)
      .range('provisionedThroughput.writeCapacityUnits', writeCapacityUnits, 1, Infinity)
      .required('provisionedThroughput.readCapacityUnits', readCapacityUnits)
      .range('provisionedThroughput.readCapacityUnits', readCapacityUnits, 1, Infinity);
  }
  constraints
    .required('keySchema', request.elements)
    .length('keySchema', request.elements, 1, 2, shownElements(request.elements));
  request.elements?.forEach(({ name, keyType }, index) => {
    const path = `keySchema.${index + 1}.member`;
    constraints
      .required(`${path}.attributeName`, name)
      .length(`${path}.attributeName`, name, 1, keyAttributeNameLengthMax)
      .required(`${path}.keyType`, keyType)
      .oneOf(`${path}.keyType`, keyType, ['HASH', 'RANGE']);
  });
  constraints.oneOf('tableClass', request.tableClass, ['STANDARD', 'STANDARD_INFREQUENT_ACCESS']);
  request.tags?.forEach(({ key, value }, index) => {
    const path = `tags.${index + 1}.member`;
    constraints
      .required(`${path}.key`, key)
      .length(`${path}.key`, key, 1, tagKeyLengthMax)
      .required(`${path}.value`, value)
      .length(`${path}.value`, value, 0, tagValueLengthMax);
  });
  constraints.check();
}

function refuseUnservedParameters(input: JsonObject): void {
  refuseUnserved(input, unservedParameters);
  for (const { parameter, enabled } of switches) {
    const source = structureMember(input, parameter, parameter) ?? {};
    const others = Object.keys(source).filter((name) => name !== enabled);
    if (booleanMember(source, enabled) === true || others.length > 0) {
      refuseUnserved(input, [parameter]);
    }
  }
}

function checkBilling(request: Request): void {
  const { billingMode, throughput } = request;
  if (billingMode === 'PAY_PER_REQUEST') {
    if (throughput !== undefined) {
      throw invalidParameter(
        'Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST',
      );
    }
    return;
  }
  if (throughput === undefined) {
    throw invalidParameter(
      'ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED',
    );
  }
  const units = [
    ['ReadCapacityUnits', throughput.readCapacityUnits],
    ['WriteCapacityUnits', throughput.writeCapacityUnits],
  ] as const;
  for (const [name, value] of units) {
    if (value !== undefined && value > capacityUnitsMax) {
      throw validationError(`Given value ${value} for ${name} is out of bounds`);
    }
  }
}

/** The key schema by its definitions: one or two attributes, all defined, none left over. */
function keysOf(request: Request): readonly KeyAttribute[] {
  const definitions = request.definitions ?? [];
  const elements = request.elements ?? [];
  const names = elements.map(({ name }) => name ?? '');
  const defined = definitions.map(({ name }) => name ?? '');
  if (names.length > defined.length) {
    throw validationError('Invalid KeySchema: Some index key attribute have no definition');
  }
  if (names.some((name) => !defined.includes(name))) {
    throw invalidParameter(
      'Some index key attributes are not defined in AttributeDefinitions. ' +
        `Keys: [${names.join(', ')}], AttributeDefinitions: [${defined.join(', ')}]`,
    );
  }
  if (names[0] === names[1]) {
    throw validationError(
      'Both the Hash Key and the Range Key element in the KeySchema have the same name',
    );
  }
  if (elements[0]?.keyType !== 'HASH') {
    throw validationError('Invalid KeySchema: The first KeySchemaElement is not a HASH key type');
  }
  if (elements.length > 1 && elements[1]?.keyType !== 'RANGE') {
    throw validationError('Invalid KeySchema: The second KeySchemaElement is not a RANGE key type');
  }
  if (new Set(defined).size !== defined.length) {
    throw invalidParameter('Cannot have two attributes with the same name');
  }
  if (names.length !== defined.length) {
    throw invalidParameter(
      'Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions',
    );
  }
  return names.map((name) => ({
    name,
    type: definitions[defined.indexOf(name)]?.type as KeyType,
  }));
}

function tagsOf(request: Request): TableSpec['tags'] {
  const tags = request.tags ?? [];
  if (tags.length === 0) {
    return undefined;
  }
  if (tags.length > tagsMax) {
    throw invalidParameter(`Too many tags: ${tags.length}, at most ${tagsMax} are allowed`);
  }
  if (new Set(tags.map(({ key }) => key)).size !== tags.length) {
    throw invalidParameter('Duplicate tag keys are not allowed');
  }
  return tags.map(({ key, value }) => ({ key: key ?? '', value: value ?? '' }));
}

export function parseCreateTable(input: JsonObject): TableSpec {
  const request = readRequest(input);
  checkConstraints(request);
  refuseUnservedParameters(input);
  checkBilling(request);
  const [partitionKey, sortKey] = keysOf(request);
  if (partitionKey === undefined) {
    throw validationError('Invalid KeySchema: The first KeySchemaElement is not a HASH key type');
  }
  const { throughput } = request;
  return {
    name: request.tableName,
    partitionKey,
    sortKey,
    billingMode: request.billingMode === 'PAY_PER_REQUEST' ? 'PAY_PER_REQUEST' : 'PROVISIONED',
    provisionedThroughput:
      throughput === undefined
        ? undefined
        : {
            readCapacityUnits: throughput.readCapacityUnits ?? 0,
            writeCapacityUnits: throughput.writeCapacityUnits ?? 0,
          },
    deletionProtection: request.deletionProtection ?? false,
    tableClass: request.tableClass,
    tags: tagsOf(request),
  };
}
