/**
 * What every operation of the API is: a name and one function from the parsed body to the bytes
 * of the answer. Failures are thrown (`errors.ts`). The server does around it, once, what is the
 * same for all: reading, request ids, deadlines, headers, measuring.
 */
import type { JsonObject } from '../values/wire-types.ts';
import type { Call } from '../router/ports.ts';
import type { ItemPorts } from '../router/execute-on-table.ts';

export interface Operation {
  /** As in `X-Amz-Target`. */
  readonly name: string;
  run(input: JsonObject, ports: ItemPorts, call: Call): Promise<Buffer>;
}

export function jsonReply(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
