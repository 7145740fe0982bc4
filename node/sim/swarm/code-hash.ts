/**
 * The hash of all code that a seed runs: the imports of `run-seed.ts`, and theirs, by path and
 * content. Two commits with the same hash give the same runs; what a ledger says of one holds for
 * the other.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('run-seed.ts', import.meta.url));
const nodeFolder = fileURLToPath(new URL('../../', import.meta.url));
const importPattern = /^(?:import|export)\s[^;]*?from\s+'(\.[^']+)'|^import\s+'(\.[^']+)'/gm;
/** Hexadecimal digits: enough to tell the states of one repository apart. */
const digits = 16;

/** Every file that `path` needs, itself included, added to `known`. */
function collect(path: string, known: Map<string, string>): void {
  if (known.has(path)) {
    return;
  }
  const text = readFileSync(path, 'utf8');
  known.set(path, text);
  for (const [, from, plain] of text.matchAll(importPattern)) {
    const target = from ?? plain;
    if (target !== undefined) {
      collect(resolve(dirname(path), target), known);
    }
  }
}

/** Paths relative to `node/`, sorted. */
export function simulatedFiles(): readonly string[] {
  const known = new Map<string, string>();
  collect(entry, known);
  return [...known.keys()].map((path) => relative(nodeFolder, path)).sort();
}

export function simulatedCodeHash(): string {
  const hash = createHash('sha256');
  for (const path of simulatedFiles()) {
    hash
      .update(`${path}\n`)
      .update(readFileSync(resolve(nodeFolder, path)))
      .update('\n');
  }
  return hash.digest('hex').slice(0, digits);
}
