/**
 * A way from this host to a port of a pod: `kubectl port-forward` as a child process, so that it
 * works wherever kubectl does, whatever the login and the proxies in between. It ends with its pod;
 * whoever needs it then starts another.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Timers } from '../../node/sys/clock.ts';

export interface PortForwardOptions {
  readonly kubectl: string;
  /** Which cluster and namespace: `--context`, `--namespace` … */
  readonly args: readonly string[];
  /** `pod/name` or `service/name`. */
  readonly target: string;
  readonly port: number;
  readonly timers: Timers;
  /** From the start to the first word of a port, ms. */
  readonly startMsMax?: number;
}

/** A login by a program may ask a person. */
const startMsDefault = 30_000;
/** Of what kubectl said, for the failure. */
const saidCharactersMax = 1_000;

export class PortForward {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(options: PortForwardOptions): Promise<PortForward> {
    const { kubectl, args, target, port, timers, startMsMax = startMsDefault } = options;
    const line = [...args, 'port-forward', '--address', '127.0.0.1', target, `:${port}`];
    const child = spawn(kubectl, line, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const fail = (why: string): Error => {
      child.kill();
      const last = said.trim() === '' ? why : `${why}: ${said.trim()}`;
      return new Error(`Cannot forward a port to ${target}: ${last}`);
    };
    return await new Promise<PortForward>((resolve, reject) => {
      const late = timers.after(startMsMax, () =>
        reject(fail(`${kubectl} said nothing for ${startMsMax} ms`)),
      );
      const listen = (chunk: Buffer): void => {
        // The first line says the port; the rest tells of each connection.
        said = said.length < saidCharactersMax ? said + chunk.toString('utf8') : said;
        // A connection that the pod has closed is all that it says before it hangs on.
        if (chunk.includes('lost connection to pod')) {
          child.kill();
        }
        const local = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
        if (local !== undefined) {
          late.cancel();
          resolve(new PortForward(child, Number(local)));
        }
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
      child.on('error', (error) => {
        late.cancel();
        reject(fail(error.message));
      });
      child.on('close', (code) => {
        late.cancel();
        reject(fail(`${kubectl} ended with code ${code ?? 0}`));
      });
    });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  close(): void {
    this.#child.kill();
  }
}
