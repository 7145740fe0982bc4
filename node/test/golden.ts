/**
 * Compares a generated text with the file that holds the accepted one. `make golden` (REWRITE=1)
 * accepts; commit a rewrite only if you can say why each line changed.
 */
import { expect } from '@jest/globals';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './source-tree.ts';

export function expectGolden(path: string, text: string): void {
  const file = join(repositoryRoot, path);
  if (process.env['REWRITE'] === '1') {
    writeFileSync(file, text);
  }
  expect(existsSync(file) ? readFileSync(file, 'utf8') : `no ${path}: make golden`).toBe(text);
}
