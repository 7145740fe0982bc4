/**
 * The launcher's ear: a Unix socket in the data folder, for its owner only. A client sends one
 * request as a line of JSON and gets lines of JSON back: `{"say": …}` while it is carried out, then
 * `{"done": …}` or `{"error": {reason, message}}`. What the requests mean is `local-changes.ts`.
 *
 * Invariant: a request is carried out to its end, whether or not its client still listens.
 */
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';

export interface ControlRequest {
  readonly verb: 'add-node' | 'remove' | 'kill' | 'start';
  /** `n2`. */
  readonly node?: string;
  readonly zone?: string;
}

/** What a finished request says to programs. */
export type ControlAnswer = Readonly<Record<string, string | number | boolean>>;

export type ControlHandler = (
  request: ControlRequest,
  say: (text: string) => void,
) => Promise<ControlAnswer>;

/** The kernel's limit on the path of a socket, less the zero at its end. */
const pathBytesMax = 107;
/** A request is a verb and two names. */
const requestCharactersMax = 4_096;
const clientsMax = 16;

/** The shorter of the two ways to say where it is: the kernel takes short paths only. */
function socketPath(dataFolder: string): string {
  const absolute = resolve(dataFolder, 'control.sock');
  const fromHere = relative('', absolute);
  const path = fromHere.length < absolute.length ? fromHere : absolute;
  if (Buffer.byteLength(path) > pathBytesMax) {
    throw new DynakvError(
      'Refused',
      `The path of the control socket must have at most ${pathBytesMax} bytes: ${path}`,
    );
  }
  return path;
}

export class ControlSocket {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  private constructor(handle: ControlHandler) {
    this.#server = createServer((socket) => {
      this.#clients.add(socket);
      socket.once('close', () => this.#clients.delete(socket));
      // A client that went away hears nothing more.
      socket.on('error', () => undefined);
      void answer(socket, handle);
    });
    this.#server.maxConnections = clientsMax;
  }

  /** The folder has one launcher: a socket that is there was left by one that is gone. */
  static async open(dataFolder: string, handle: ControlHandler): Promise<ControlSocket> {
    const path = socketPath(dataFolder);
    rmSync(path, { force: true });
    const control = new ControlSocket(handle);
    await new Promise<void>((opened, failed) => {
      control.#server.once('error', failed);
      control.#server.listen(path, () => {
        chmodSync(path, 0o600);
        opened();
      });
    });
    return control;
  }

  async close(): Promise<void> {
    for (const socket of this.#clients) {
      socket.destroy();
    }
    await new Promise((closed) => this.#server.close(closed));
  }
}

async function answer(socket: Socket, handle: ControlHandler): Promise<void> {
  const write = (line: object): void => {
    if (socket.writable) {
      socket.write(`${JSON.stringify(line)}\n`);
    }
  };
  try {
    const request = JSON.parse(await readLine(socket)) as ControlRequest;
    const done = await handle(request, (text) => {
      write({ say: text });
    });
    write({ done });
  } catch (error) {
    const reason = isDynakvError(error) ? (error.facts['reason'] ?? error.code) : 'Internal';
    write({ error: { reason, message: messageOf(error) } });
  }
  socket.end();
}

async function readLine(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes('\n')) {
      return text.slice(0, text.indexOf('\n'));
    }
    if (text.length > requestCharactersMax) {
      break;
    }
  }
  throw new DynakvError('Refused', 'Cannot understand the request: it is not one line of JSON');
}

/** Asks the launcher that runs on the folder, and waits until it has done it. */
export async function askLauncher(
  dataFolder: string,
  request: ControlRequest,
  say: (text: string) => void,
): Promise<ControlAnswer> {
  if (!existsSync(join(dataFolder, 'control.sock'))) {
    throw noLauncher(dataFolder);
  }
  const socket = createConnection(socketPath(dataFolder));
  const failure = new Promise<never>((_resolve, reject) => {
    socket.once('error', () => {
      reject(noLauncher(dataFolder));
    });
  });
  const asked = async (): Promise<ControlAnswer> => {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface({ input: socket })) {
      const said = JSON.parse(line) as {
        readonly say?: string;
        readonly done?: ControlAnswer;
        readonly error?: { readonly reason: string; readonly message: string };
      };
      if (said.error !== undefined) {
        throw new DynakvError('Refused', said.error.message, { reason: said.error.reason });
      }
      if (said.done !== undefined) {
        return said.done;
      }
      say(said.say ?? '');
    }
    throw new DynakvError('OutcomeUnknown', 'The launcher ended before it had answered');
  };
  try {
    return await Promise.race([asked(), failure]);
  } finally {
    socket.destroy();
  }
}

function noLauncher(dataFolder: string): DynakvError {
  return new DynakvError(
    'Unavailable',
    `Cannot find a cluster in ${dataFolder}: no launcher listens there; start one by make run, or ` +
      'say where it is by --data',
    { reason: 'NoLauncher' },
  );
}
