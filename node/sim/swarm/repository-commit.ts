/** Which commit runs, for reports; `unknown` outside a repository. */
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

function git(...args: string[]): string {
  const cwd = dirname(fileURLToPath(import.meta.url));
  return execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** The short hash, with `+` behind it if files differ from it. */
export function repositoryCommit(): string {
  try {
    const isChanged = git('status', '--porcelain').trim() !== '';
    return `${git('rev-parse', '--short', 'HEAD').trim()}${isChanged ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}
