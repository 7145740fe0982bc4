/**
 * One program of the middle tier: a child that ends with us, however we end, its output in a file,
 * started again as often as a test wants.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { timeouts } from '../lib/timeouts.ts';
import { until, within } from '../lib/waiting.ts';
import type { ProgramLine } from '../local/control-plane.ts';

export class ChildComponent {
  readonly name: string;
  readonly #line: ProgramLine;
  readonly #logFile: string;
  readonly #answers: () => Promise<boolean>;
  #child: ChildProcess | undefined;

  constructor(options: {
    readonly name: string;
    readonly line: ProgramLine;
    readonly logFile: string;
    readonly answers: () => Promise<boolean>;
  }) {
    this.name = options.name;
    this.#line = options.line;
    this.#logFile = options.logFile;
    this.#answers = options.answers;
  }

  get runs(): boolean {
    return (
      this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
    );
  }

  /** Starts it and waits for its first good answer. */
  async start(): Promise<void> {
    if (this.runs) {
      throw new Error(`Cannot start ${this.name}: it runs`);
    }
    const log = openSync(this.#logFile, 'a');
    try {
      const { program, args } = this.#line;
      this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
        stdio: ['ignore', log, log],
      });
    } finally {
      closeSync(log);
    }
    this.#child.on('error', () => undefined);
    const ended = `${this.name} has ended by itself: see ${this.#logFile}`;
    const what = `${this.name} to answer (see ${this.#logFile})`;
    const outcome = await until(what, timeouts.component, async () => {
      return this.runs ? ((await this.#answers()) ? 'ready' : undefined) : ended;
    });
    if (outcome === ended) {
      throw new Error(ended);
    }
  }

  /** Ends it: at once, or after it has put things in order. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.runs) {
      return;
    }
    const closed = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    // Someone may have stopped it with SIGSTOP.
    child.kill('SIGCONT');
    try {
      await within(`${this.name} to end`, timeouts.component / 10, closed);
    } catch {
      child.kill('SIGKILL');
      await closed;
    }
  }

  /** It stays there and says nothing, until `resume`. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }
}
