/**
 * A TCP proxy in front of one address, whose link can be cut, made silent in one direction or both,
 * or slow. TCP loses no bytes: a silent link holds them back, as a network does that drops packets
 * until the senders give up; a cut one resets its connections and refuses new ones.
 *
 * Bytes held are bounded: a connection that has too many is not read until they have gone.
 */
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { kibibyte } from '../../lib/units.ts';

export interface LinkState {
  /** Connections are reset, new ones too. */
  readonly cut: boolean;
  /** Nothing goes from the dialler on; nothing comes back. */
  readonly silentThere: boolean;
  readonly silentBack: boolean;
  /** Each way. */
  readonly delayMs: number;
  /** Each way, of each connection; Infinity: as fast as it can. */
  readonly bytesPerSecond: number;
}

export const openLink: LinkState = {
  cut: false,
  silentThere: false,
  silentBack: false,
  delayMs: 0,
  bytesPerSecond: Infinity,
};

const heldBytesMax = 256 * kibibyte;

interface HeldChunk {
  readonly bytes: Buffer;
  readonly dueAt: number;
}

/** One direction of one connection. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #link: () => { readonly state: LinkState; readonly silent: boolean };
  readonly #held: HeldChunk[] = [];
  #heldBytes = 0;
  /** When the last chunk will have left, at the link's rate. */
  #freeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(
    from: Socket,
    to: Socket,
    link: () => { readonly state: LinkState; readonly silent: boolean },
  ) {
    this.#from = from;
    this.#to = to;
    this.#link = link;
    from.on('data', (bytes: Buffer) => {
      this.#take(bytes);
    });
    from.on('end', () => {
      this.#ended = true;
      this.pump();
    });
    to.on('drain', () => {
      this.pump();
    });
  }

  #take(bytes: Buffer): void {
    const { delayMs, bytesPerSecond } = this.#link().state;
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes.length / bytesPerSecond) * 1000;
    this.#held.push({ bytes, dueAt: this.#freeAt + delayMs });
    this.#heldBytes += bytes.length;
    this.pump();
  }

  /** Passes on what is due. */
  pump(): void {
    clearTimeout(this.#timer);
    const { silent } = this.#link();
    let first = this.#held[0];
    while (!silent && first !== undefined && first.dueAt <= performance.now()) {
      this.#held.shift();
      this.#heldBytes -= first.bytes.length;
      if (!this.#to.write(first.bytes)) {
        break;
      }
      first = this.#held[0];
    }
    if (this.#heldBytes > heldBytesMax || this.#to.writableNeedDrain) {
      this.#from.pause();
    } else {
      this.#from.resume();
    }
    const next = this.#held[0];
    if (!silent && next !== undefined && !this.#to.writableNeedDrain) {
      const waitMs = Math.max(1, next.dueAt - performance.now());
      this.#timer = setTimeout(() => {
        this.pump();
      }, waitMs);
    } else if (this.#ended && this.#held.length === 0) {
      this.#to.end();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#held.length = 0;
  }
}

interface Connection {
  readonly near: Socket;
  readonly far: Socket;
  readonly there: Pipe;
  readonly back: Pipe;
}

export class LinkProxy {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #connections = new Set<Connection>();
  #state = openLink;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      this.#accept(near);
    });
  }

  static async start(targetPort: number): Promise<LinkProxy> {
    const proxy = new LinkProxy(targetPort);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on the link is like this. */
  set(state: LinkState): void {
    this.#state = state;
    for (const connection of this.#connections) {
      if (state.cut) {
        this.#drop(connection);
      } else {
        connection.there.pump();
        connection.back.pump();
      }
    }
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) {
      this.#drop(connection);
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    near.on('error', () => undefined);
    if (this.#state.cut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true });
    near.setNoDelay(true);
    far.setNoDelay(true);
    const there = new Pipe(near, far, () => ({
      state: this.#state,
      silent: this.#state.silentThere,
    }));
    const back = new Pipe(far, near, () => ({
      state: this.#state,
      silent: this.#state.silentBack,
    }));
    const connection = { near, far, there, back };
    this.#connections.add(connection);
    far.on('error', () => {
      this.#drop(connection);
    });
    for (const socket of [near, far]) {
      socket.on('close', () => {
        this.#drop(connection);
      });
    }
  }

  #drop(connection: Connection): void {
    if (this.#connections.delete(connection)) {
      connection.there.close();
      connection.back.close();
      connection.near.resetAndDestroy();
      connection.far.resetAndDestroy();
    }
  }
}
