/**
 * A child process with its output in a file and an end that is certain: whoever starts one stops
 * it (or disposes of it), and what is left when this program exits is killed, by its own pid.
 *
 * Not here: what the processes are (`cluster.ts`, `node/bench/`).
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

export interface ProcessOptions {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to this program's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Gets stdout and stderr; made with its folder, appended to. */
  readonly logFile: string;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Kept for messages when a process ends early. */
const lastLinesMax = 20;

const running = new Set<ChildProcess>();
let exitHookSet = false;

export class ManagedProcess {
  readonly name: string;
  readonly pid: number;
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #lastLines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();
  #end: ProcessEnd | undefined;

  constructor(options: ProcessOptions) {
    const { name, command, args, env, cwd, logFile } = options;
    mkdirSync(dirname(logFile), { recursive: true });
    const log = createWriteStream(logFile, { flags: 'a' });
    const child = spawn(command, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.name = name;
    this.#child = child;
    this.pid = child.pid ?? 0;
    track(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.pipe(log, { end: false });
      createInterface({ input: stream }).on('line', (line) => {
        this.#takeLine(line);
      });
    }
    this.ended = new Promise((resolve) => {
      const finish = (end: ProcessEnd): void => {
        running.delete(child);
        this.#end ??= end;
        log.end();
        resolve(this.#end);
      };
      child.once('error', (error) => {
        this.#takeLine(`Cannot start "${command}": ${error.message}`);
        finish({ code: 127, signal: null });
      });
      child.once('close', (code, signal) => {
        finish({ code, signal });
      });
    });
  }

  get isRunning(): boolean {
    return this.#end === undefined;
  }

  /** Resolves with the first line from now on that matches; throws if the process ends first. */
  async waitForLine(pattern: RegExp, timeoutMs: number): Promise<string> {
    let listener: ((line: string) => void) | undefined;
    const seen = new Promise<string>((resolve) => {
      listener = (line): void => {
        if (pattern.test(line)) {
          resolve(line);
        }
      };
      this.#listeners.add(listener);
    });
    const limit = new AbortController();
    const late = wait(timeoutMs, undefined, { signal: limit.signal }).then(
      () => 'late' as const,
      () => 'late' as const,
    );
    try {
      const first = await Promise.race([seen, this.ended, late]);
      if (typeof first === 'string' && first !== 'late') {
        return first;
      }
      const what = first === 'late' ? `it took over ${timeoutMs} ms` : describeEnd(first);
      throw new Error(`Cannot see ${String(pattern)} from ${this.name}: ${what}${this.#tail()}`);
    } finally {
      limit.abort();
      if (listener !== undefined) {
        this.#listeners.delete(listener);
      }
    }
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) {
      this.#child.kill(signal);
    }
  }

  /** SIGTERM, and SIGKILL after `graceMs`. */
  async stop(graceMs = 10_000): Promise<ProcessEnd> {
    this.signal('SIGTERM');
    const limit = new AbortController();
    const late = wait(graceMs, undefined, { signal: limit.signal }).catch(() => undefined);
    await Promise.race([this.ended, late]);
    limit.abort();
    this.signal('SIGKILL');
    return await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #takeLine(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > lastLinesMax) {
      this.#lastLines.shift();
    }
    for (const listener of this.#listeners) {
      listener(line);
    }
  }

  #tail(): string {
    return this.#lastLines.length === 0 ? '' : `\n  ${this.#lastLines.join('\n  ')}`;
  }
}

function describeEnd(end: ProcessEnd | 'late'): string {
  return end === 'late' ? end : `it ended with ${end.signal ?? `code ${String(end.code)}`}`;
}

/** A program that is interrupted leaves nothing running. */
function track(child: ChildProcess): void {
  running.add(child);
  if (exitHookSet) {
    return;
  }
  exitHookSet = true;
  process.on('exit', () => {
    for (const one of running) {
      one.kill('SIGKILL');
    }
  });
}

/** For programs (not tests): an interrupt becomes an exit, and the exit hook cleans up. */
export function exitOnInterrupt(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      process.exit(130);
    });
  }
}
