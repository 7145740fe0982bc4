/**
 * What a `/key` request names: the id from the path, percent-decoded byte by byte and kept to
 * the letter (`/` and `..` are part of it), and the query. Nothing unknown is ignored.
 */
import { isUtf8 } from 'node:buffer';
import { idBytesMax } from './limits.ts';
import { Problem } from './problem.ts';

export const keyPrefix = '/key/';

const percent = 0x25;

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) {
    return -1;
  }
  const digit = String.fromCharCode(byte);
  return /[0-9a-fA-F]/.test(digit) ? Number.parseInt(digit, 16) : -1;
}

/** Undefined if a `%` is not followed by two hexadecimal digits, or the bytes are not UTF-8. */
function percentDecode(text: string): string | undefined {
  // Node gives the bytes of a request line as Latin-1.
  const source = Buffer.from(text, 'latin1');
  const bytes = Buffer.allocUnsafe(source.length);
  let length = 0;
  for (let at = 0; at < source.length; at++) {
    const byte = source[at] ?? 0;
    if (byte === percent) {
      const high = hexDigit(source[at + 1]);
      const low = hexDigit(source[at + 2]);
      if (high < 0 || low < 0) {
        return undefined;
      }
      bytes[length++] = high * 16 + low;
      at += 2;
    } else {
      bytes[length++] = byte;
    }
  }
  const decoded = bytes.subarray(0, length);
  return isUtf8(decoded) ? decoded.toString('utf8') : undefined;
}

export interface SplitUrl {
  readonly path: string;
  /** Without the `?`. */
  readonly query: string;
}

/** A proxy's request line names scheme and host too; they say nothing that is needed. */
const absoluteForm = /^https?:\/\/[^/?]*/i;

export function splitUrl(requestTarget: string): SplitUrl {
  const url = requestTarget.startsWith('/')
    ? requestTarget
    : requestTarget.replace(absoluteForm, '');
  const at = url.indexOf('?');
  return at === -1
    ? { path: url, query: '' }
    : { path: url.slice(0, at), query: url.slice(at + 1) };
}

export function idOf(path: string): string {
  const id = percentDecode(path.slice(keyPrefix.length));
  if (id === undefined) {
    throw new Problem('invalid-id', 'The id must be percent-encoded UTF-8');
  }
  if (id === '') {
    throw new Problem('invalid-id', 'The id must not be empty');
  }
  const bytes = Buffer.byteLength(id, 'utf8');
  if (bytes > idBytesMax) {
    throw new Problem('invalid-id', `The id must be at most ${idBytesMax} bytes: ${bytes} bytes`);
  }
  return id;
}

/** Whether a read must be strongly consistent, which it is unless asked otherwise. */
export function consistencyOf(query: string): boolean {
  let consistent = true;
  let given = false;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'consistency') {
      throw new Problem('invalid-query', `Unknown query parameter: "${name}"`);
    }
    if (given || (value !== 'eventual' && value !== 'strong')) {
      throw new Problem(
        'invalid-query',
        `consistency must be given once, as "eventual" or "strong": "${value}"`,
      );
    }
    given = true;
    consistent = value === 'strong';
  }
  return consistent;
}

/** Writes have no parameters. */
export function refuseQuery(query: string): void {
  for (const name of new URLSearchParams(query).keys()) {
    throw new Problem('invalid-query', `Unknown query parameter for this method: "${name}"`);
  }
}
