/**
 * Runs the Raft core against trace files: `node node/test/raft-traces.ts DIR…` (files or folders,
 * recursively). The kind of a file follows from its commands. REWRITE=1 accepts the actual
 * outputs: only if you can say why each line changed. Exits with 1 if a file fails.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, exit, stdout } from 'node:process';

import { describeFailure, parseDatadriven, runDatadriven } from './datadriven.ts';
import type { DatadrivenResult, Directive } from './datadriven.ts';
import { ConfChangeTrace } from './raft-confchange-commands.ts';
import { InteractionTrace } from './raft-interaction-commands.ts';
import { runQuorumCommand } from './raft-quorum-commands.ts';

export type TraceKind = 'quorum' | 'confchange' | 'interaction';

const quorumCommands = new Set(['committed', 'vote']);
const confChangeCommands = new Set(['simple', 'enter-joint', 'leave-joint']);

/** The kind of a trace, from its commands. */
export function traceKind(text: string): TraceKind {
  const commands = parseDatadriven(text).map(({ command }) => command);
  if (commands.some((command) => quorumCommands.has(command))) {
    return 'quorum';
  }
  const isConfChange = commands.some((command) => confChangeCommands.has(command));
  return isConfChange ? 'confchange' : 'interaction';
}

function handlerOf(kind: TraceKind): (directive: Directive) => string {
  switch (kind) {
    case 'quorum':
      return runQuorumCommand;
    case 'confchange': {
      const trace = new ConfChangeTrace();
      return (directive) => trace.run(directive);
    }
    case 'interaction': {
      const trace = new InteractionTrace();
      return (directive) => trace.run(directive);
    }
  }
}

/** Runs one trace. */
export function runTrace(text: string, isRewriting = false): DatadrivenResult {
  return runDatadriven(text, handlerOf(traceKind(text)), { keepGoing: isRewriting });
}

/** The trace files at and under `path`, sorted. */
export function traceFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) {
    return [path];
  }
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.txt'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Runs one file; why it failed, or undefined. */
export function runTraceFile(path: string, isRewriting: boolean): string | undefined {
  const text = readFileSync(path, 'utf8');
  try {
    const { failures, directiveCount, rewritten } = runTrace(text, isRewriting);
    if (directiveCount === 0) {
      return 'no commands';
    }
    if (isRewriting) {
      writeFileSync(path, rewritten);
      return undefined;
    }
    const [failure] = failures;
    return failure === undefined ? undefined : describeFailure(failure);
  } catch (error) {
    return (error as Error).stack ?? String(error);
  }
}

function main(paths: readonly string[]): void {
  if (paths.length === 0) {
    stdout.write('Usage: node node/test/raft-traces.ts DIR…\n');
    exit(2);
  }
  const isRewriting = env['REWRITE'] === '1';
  let passed = 0;
  let failed = 0;
  for (const path of paths.flatMap(traceFiles)) {
    const problem = runTraceFile(path, isRewriting);
    if (problem === undefined) {
      passed += 1;
      stdout.write(`ok ${path}\n`);
    } else {
      failed += 1;
      stdout.write(`FAILED ${path}\n${problem}\n`);
    }
  }
  stdout.write(`${passed} passed, ${failed} failed\n`);
  exit(failed > 0 || passed === 0 ? 1 : 0);
}

if (import.meta.main) {
  main(argv.slice(2));
}
