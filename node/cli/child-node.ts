/**
 * One node process under the launcher's care. Modes:
 *
 *   starting → up        when the launcher says so (`markUp`)
 *   starting → failed    it ended by itself: its configuration or data was refused
 *   up → waiting         it died: started again after a pause that doubles while it dies early
 *   up → failed          it ended with code 1: it refuses, and would refuse again
 *   waiting → up         the pause is over and it was started again
 *   any → killed         `kill()`: SIGKILL by a person's wish; it stays down
 *   killed, failed → up  `revive()`: started again by a person's wish
 *   any → stopped        `stop()`: SIGTERM, a bounded wait, SIGKILL
 *
 * The process leads a group of its own, so that Ctrl-C reaches the launcher only; it has a channel
 * to the launcher, whose end tells it that the launcher is gone.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { assert } from '../lib/assert.ts';
import { secondMs } from '../lib/units.ts';

export type ChildMode = 'starting' | 'up' | 'waiting' | 'failed' | 'killed' | 'stopped';

export interface ChildNodeOptions {
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly environment: NodeJS.ProcessEnv;
  readonly onLine: (line: string) => void;
  /** A node was started (again) or is gone: the set of process ids changed. */
  readonly onChange: () => void;
  /** For people: one line. */
  readonly onNotice: (text: string) => void;
}

const pauseFirstMs = 500;
const pauseMaxMs = 10 * secondMs;
/**
 * A node that lived this long had served, and starts anew with the first pause: only one that dies
 * early again and again waits ever longer.
 */
const stableMs = 3 * secondMs;
/** Longer than a node's own bound for stopping in order. */
const stopMsMax = 12 * secondMs;
/** Exit code of a node that refuses its configuration or its data. */
const refusedCode = 1;

export class ChildNode {
  readonly name: string;
  readonly #options: ChildNodeOptions;
  #mode: ChildMode = 'starting';
  #process: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #pauseMs = pauseFirstMs;
  #restart: NodeJS.Timeout | undefined;
  #startedAtMs = 0;

  constructor(options: ChildNodeOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get mode(): ChildMode {
    return this.#mode;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  start(): void {
    assert(this.#process === undefined, `${this.name} runs already`);
    const [program, ...programArguments] = this.#options.command;
    const child = spawn(program, programArguments, {
      detached: true,
      env: this.#options.environment,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#process = child;
    this.#startedAtMs = performance.now();
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#options.onNotice(`${this.name} cannot be started: ${error.message}`);
        this.#onEnd(refusedCode, null);
        resolve();
      });
      // Not `exit`: the last lines of output come before `close`.
      child.once('close', (code, signal) => {
        this.#onEnd(code, signal);
        resolve();
      });
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) {
        createInterface({ input: stream }).on('line', this.#options.onLine);
      }
    }
    this.#options.onChange();
  }

  /** The node answered: from now on its death is mended by a restart. */
  markUp(): void {
    if (this.#mode === 'starting') {
      this.#mode = 'up';
    }
  }

  /** SIGKILL now; resolves when it is gone. */
  async kill(): Promise<void> {
    assert(this.#mode !== 'stopped', `${this.name} is stopped`);
    this.#mode = 'killed';
    clearTimeout(this.#restart);
    this.#process?.kill('SIGKILL');
    await this.#exited;
  }

  /** Starts one that was killed, refused, or waits; does nothing to one that runs. */
  async revive(): Promise<void> {
    assert(this.#mode !== 'stopped', `${this.name} is stopped`);
    clearTimeout(this.#restart);
    if (this.#mode === 'killed') {
      await this.#exited;
    }
    if (this.#process === undefined) {
      this.#pauseMs = pauseFirstMs;
      this.#mode = 'up';
      this.start();
    }
  }

  /** Stops it in order, in bounded time. `hurry` cuts the wait short. */
  async stop(hurry: AbortSignal): Promise<void> {
    this.#mode = 'stopped';
    clearTimeout(this.#restart);
    const child = this.#process;
    if (child === undefined) {
      return;
    }
    child.kill('SIGTERM');
    // A stopped process (SIGSTOP) would keep the request to itself.
    child.kill('SIGCONT');
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => {
      this.#options.onNotice(`${this.name} does not stop: killed after ${stopMsMax / secondMs} s`);
      kill();
    }, stopMsMax);
    hurry.addEventListener('abort', kill, { once: true });
    if (hurry.aborted) {
      kill();
    }
    await this.#exited;
    clearTimeout(timer);
    hurry.removeEventListener('abort', kill);
  }

  #onEnd(code: number | null, signal: string | null): void {
    if (this.#process === undefined) {
      return;
    }
    this.#process = undefined;
    const how = signal === null ? `code ${code ?? 'unknown'}` : signal;
    if (this.#mode === 'starting') {
      this.#mode = 'failed';
      this.#options.onNotice(`${this.name} ended while starting (${how})`);
    } else if (this.#mode === 'up' && code === refusedCode) {
      this.#mode = 'failed';
      this.#options.onNotice(`${this.name} refuses to run (${how}): its last lines say why`);
    } else if (this.#mode === 'up') {
      this.#scheduleRestart(how);
    }
    this.#options.onChange();
  }

  #scheduleRestart(how: string): void {
    if (performance.now() - this.#startedAtMs >= stableMs) {
      this.#pauseMs = pauseFirstMs;
    }
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
    this.#mode = 'waiting';
    this.#options.onNotice(
      `${this.name} ended unexpectedly (${how}): started again in ${pauseMs / secondMs} s`,
    );
    this.#restart = setTimeout(() => {
      this.#mode = 'up';
      this.start();
    }, pauseMs);
  }
}
