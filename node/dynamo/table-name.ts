/**
 * `TableName` of a request: a name, or the ARN of a table. A cluster has neither accounts nor
 * regions, so those parts of an ARN are not looked at. What is not an ARN of a table is returned
 * as it is, and then fails the constraints on names.
 */

const tableArn = /^arn:[a-z0-9-]+:dynamodb:[a-zA-Z0-9-]*:[0-9]*:table\/(kv|[a-zA-Z0-9_.-]{3,255})$/;

export function tableNameOf(text: string | undefined): string | undefined {
  if (text === undefined || !text.startsWith('arn:')) {
    return text;
  }
  return tableArn.exec(text)?.[1] ?? text;
}

/** The ARN shown for a table. */
export function arnOfTable(name: string): string {
  return `arn:aws:dynamodb:local:000000000000:table/${name}`;
}
