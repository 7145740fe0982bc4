/** A connection to the inspector of a Node process on loopback: calls and their results. */

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', (event) => {
      const reply = JSON.parse(String(event.data)) as Reply;
      const waiting = this.#waiting.get(reply.id ?? 0);
      this.#waiting.delete(reply.id ?? 0);
      if (reply.error !== undefined) {
        waiting?.reject(new Error(reply.error.message));
      } else {
        waiting?.resolve(reply.result);
      }
    });
    socket.addEventListener('close', () => {
      for (const waiting of this.#waiting.values()) {
        waiting.reject(new Error('The inspector closed the connection'));
      }
    });
  }

  /** Undefined if nobody listens there (yet). */
  static async connect(port: number): Promise<Inspector | undefined> {
    let url: string | undefined;
    try {
      const response = await fetch(`http://127.0.0.1:${port}/json/list`);
      const targets = (await response.json()) as { webSocketDebuggerUrl: string }[];
      url = targets[0]?.webSocketDebuggerUrl;
    } catch {
      return undefined;
    }
    if (url === undefined) {
      return undefined;
    }
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => {
        resolve();
      });
      socket.addEventListener('error', () => {
        reject(new Error(`Cannot connect to the inspector at ${String(url)}`));
      });
    });
    return new Inspector(socket);
  }

  async call(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = this.#nextId++;
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  close(): void {
    this.#socket.close();
  }
}
