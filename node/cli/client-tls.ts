/** The client port's certificate, read again when its files change. */
import { readFile, stat } from 'node:fs/promises';
import type { SecureContextOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { NodeOptions } from '../config/options.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { Timer } from '../sys/clock.ts';
import type { NodeWorld } from './node-world.ts';

/** How often the files are looked at. */
const pollMs = 1_000;

export class ClientTls {
  current: SecureContextOptions;
  readonly #certFile: string;
  readonly #keyFile: string;
  readonly #world: NodeWorld;
  readonly #timer: Timer;
  #marks: string;
  #listener: (tls: SecureContextOptions) => void = () => undefined;

  private constructor(
    files: { readonly certFile: string; readonly keyFile: string },
    world: NodeWorld,
    first: SecureContextOptions,
    marks: string,
  ) {
    this.#certFile = files.certFile;
    this.#keyFile = files.keyFile;
    this.#world = world;
    this.current = first;
    this.#marks = marks;
    this.#timer = world.timers.every(pollMs, () => {
      void this.#look();
    });
  }

  /** Undefined when the client port is plain HTTP. */
  static async open(options: NodeOptions, world: NodeWorld): Promise<ClientTls | undefined> {
    const { clientTlsCert: certFile, clientTlsKey: keyFile } = options;
    if (certFile === undefined || keyFile === undefined) {
      return undefined;
    }
    try {
      const first = await readPair(certFile, keyFile);
      return new ClientTls({ certFile, keyFile }, world, first, await marksOf(certFile, keyFile));
    } catch (error) {
      throw new DynakvError(
        'ConfigInvalid',
        `Cannot use --client-tls-cert "${certFile}" and its key: ${messageOf(error)}`,
        {},
        error,
      );
    }
  }

  onChange(listener: (tls: SecureContextOptions) => void): void {
    this.#listener = listener;
  }

  async #look(): Promise<void> {
    try {
      const now = await marksOf(this.#certFile, this.#keyFile);
      if (now !== this.#marks) {
        const next = await readPair(this.#certFile, this.#keyFile);
        this.#marks = now;
        this.current = next;
        this.#listener(next);
        this.#world.logger.info('Client certificate renewed', { file: this.#certFile });
      }
    } catch (error) {
      this.#world.logger.warn('Client certificate cannot be renewed', { error: messageOf(error) });
    }
  }

  close(): void {
    this.#timer.cancel();
  }
}

/** Differs whenever either file was replaced, by an older one too. */
async function marksOf(certFile: string, keyFile: string): Promise<string> {
  const [cert, key] = await Promise.all([stat(certFile), stat(keyFile)]);
  return [cert, key].map(({ mtimeMs, ino, size }) => `${mtimeMs}:${ino}:${size}`).join(' ');
}

/** Both files, checked to belong together. */
async function readPair(certFile: string, keyFile: string): Promise<SecureContextOptions> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  const pair: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2' };
  createSecureContext(pair);
  return pair;
}
