/**
 * Runs a program to its end. A failure is an error that carries the command line, the exit code and
 * the last of what it said; output is bounded.
 */
import { spawn } from 'node:child_process';
import { timeouts } from './timeouts.ts';

export interface CommandOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Show what it says on the error output, for work that takes a while. */
  readonly show?: boolean;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A listing of a big cluster has some MB; more than this is a mistake. */
const outputBytesMax = 64 * 1024 * 1024;
/** Enough of the error output to understand it. */
const shownCharactersMax = 3_000;

/** Runs it and answers whatever its exit code is; throws if it cannot start or takes too long. */
export async function tryRun(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? timeouts.command;
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const output = collect(child.stdout);
  const errors = collect(child.stderr);
  if (options.show === true) {
    child.stderr.on('data', (chunk: Buffer) => process.stderr.write(chunk));
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  // A program that ends before it has read its input is judged by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', (error) => {
      reject(new Error(`Cannot run ${program}: ${error.message}`, { cause: error }));
    });
    child.on('close', (exitCode, signal) => {
      resolve(exitCode ?? (signal === null ? -1 : 128));
    });
  }).finally(() => {
    clearTimeout(timer);
  });
  if (late) {
    throw new Error(`Cannot finish ${line(program, args)} within ${timeoutMs} ms: ended it`);
  }
  return { code, stdout: output(), stderr: errors() };
}

/** Runs it and answers its output; throws unless it ends with 0. */
export async function run(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await tryRun(program, args, options);
  if (result.code !== 0) {
    const said = (result.stderr || result.stdout).slice(-shownCharactersMax).trim();
    throw new Error(`${line(program, args)} ended with ${result.code}: ${said}`);
  }
  return result.stdout;
}

function line(program: string, args: readonly string[]): string {
  const text = [program, ...args].join(' ');
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes <= outputBytesMax) {
      chunks.push(chunk);
    }
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
