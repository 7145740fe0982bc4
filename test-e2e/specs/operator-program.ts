/**
 * The operator as a process of this host, for specs that kill it, start two of it, or cut its way
 * to the API server. It looks after the spec's namespace alone, and its Lease is there too.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { accountEnvironment } from '../lib/account-folder.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until, within } from '../lib/waiting.ts';

const root = join(import.meta.dirname, '..', '..');

/** The program from its sources; `dist/operator/main.js` is what the image has. */
export const operatorSource = 'operator/main.ts';

/** How the chart's Deployment starts Node, and what the image sets: its memory is measured. */
export const nodeFlags = [
  '--max-semi-space-size=4',
  '--single-threaded-gc',
  '--heap-growing-percent=50',
];
export const allocatorSettings = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

export interface OperatorProgramOptions {
  readonly kubeconfig: string;
  /** Where kubectl is. */
  readonly kubectl: string;
  readonly namespace: string;
  readonly outFolder: string;
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Below the repository; default: the program itself. */
  readonly entry?: string;
}

export class OperatorProgram {
  readonly logFile: string;
  readonly #options: OperatorProgramOptions;
  #child: ChildProcess | undefined;
  #lives = 0;

  constructor(options: OperatorProgramOptions) {
    this.#options = options;
    mkdirSync(options.outFolder, { recursive: true });
    this.logFile = join(options.outFolder, `${options.name ?? 'operator'}.log`);
  }

  get runs(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** How often it was started. */
  get lives(): number {
    return this.#lives;
  }

  /** Starts it; `until` is the caller's matter: a cluster that comes to be is answer enough. */
  start(more: Readonly<Record<string, string>> = {}): void {
    const { kubeconfig, kubectl, namespace, outFolder, name = 'operator', entry } = this.#options;
    const log = openSync(this.logFile, 'a');
    this.#lives += 1;
    try {
      const file = join(root, entry ?? operatorSource);
      const node = [process.execPath, ...nodeFlags, file];
      this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...node], {
        stdio: ['ignore', log, log],
        env: {
          PATH: `${join(kubectl, '..')}:${process.env['PATH'] ?? ''}`,
          ...allocatorSettings,
          ...accountEnvironment(kubeconfig, join(outFolder, `${name}-account`)),
          DYNAKV_OPERATOR_WATCH_NAMESPACES: namespace,
          DYNAKV_OPERATOR_LEASE_NAMESPACE: namespace,
          DYNAKV_OPERATOR_LISTEN_HOST: '127.0.0.1',
          DYNAKV_OPERATOR_LISTEN_PORT: '0',
          DYNAKV_OPERATOR_IDENTITY: `${name}-${this.#lives}`,
          DYNAKV_OPERATOR_LEASE_DURATION_MS: '5000',
          DYNAKV_OPERATOR_LEASE_RENEW_MS: '3000',
          DYNAKV_OPERATOR_LEASE_RETRY_MS: '500',
          ...this.#options.env,
          ...more,
        },
      });
    } finally {
      closeSync(log);
    }
    this.#child.on('error', () => undefined);
  }

  /** Resolves with the code of its end. */
  async ended(): Promise<number> {
    const child = this.#child;
    await until('the operator to end', timeouts.database, () => (this.runs ? undefined : true));
    return child?.exitCode ?? -1;
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.runs) {
      return;
    }
    const exit = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    child.kill('SIGCONT');
    await within('the operator to stop', timeouts.component, exit);
  }

  /** Stops the process where it is; `resume` lets it go on, with what it believed. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  get log(): string {
    return readFileSync(this.logFile, 'utf8');
  }
}
