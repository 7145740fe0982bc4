/**
 * The corpus: `corpus/<target>.txt`, one input a line. An input that is plain text stands there as
 * a JSON string, any other as `base64:…`; a line that begins with `#` says where the next one is
 * from. What once broke something stays here for good.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

const base64Prefix = 'base64:';

function fileOf(target: string): URL {
  return new URL(`corpus/${target}.txt`, import.meta.url);
}

export function encodeInput(input: Buffer): string {
  const text = input.toString('latin1');
  return /^[\x20-\x7e\r\n\t]*$/.test(text)
    ? JSON.stringify(text)
    : `${base64Prefix}${input.toString('base64')}`;
}

export function decodeInput(line: string): Buffer {
  return line.startsWith(base64Prefix)
    ? Buffer.from(line.slice(base64Prefix.length), 'base64')
    : Buffer.from(JSON.parse(line) as string, 'latin1');
}

export function readCorpus(target: string): readonly Buffer[] {
  const file = fileOf(target);
  if (!existsSync(file)) {
    return [];
  }
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map(decodeInput);
}

/** Keeps an input that broke something, with a word on what it did. */
export function addToCorpus(target: string, input: Buffer, why: string): void {
  const reason = why.replaceAll(/\s+/g, ' ').slice(0, 200);
  appendFileSync(fileOf(target), `# ${reason}\n${encodeInput(input)}\n`);
}
