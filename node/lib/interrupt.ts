/**
 * Ends waiting early: whoever waits through `wait` hears at once of the reason given to `end`, and
 * so does every later wait. What was waited for goes on unheard.
 *
 * `Promise.race` with one long-lived promise would do the same and keep, until that one settles,
 * something for every wait there ever was: megabytes in a transfer of many chunks. Here a wait that
 * has ended leaves nothing behind.
 */
export class Interrupt {
  readonly #waiting = new Set<(reason: unknown) => void>();
  #ended: { readonly reason: unknown } | undefined;

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** The first reason counts. */
  end(reason: unknown): void {
    if (this.#ended === undefined) {
      this.#ended = { reason };
      for (const reject of this.#waiting) {
        reject(reason);
      }
      this.#waiting.clear();
    }
  }

  /** Throws the reason if there is one. */
  check(): void {
    if (this.#ended !== undefined) {
      throw this.#ended.reason;
    }
  }

  /** Settles as `work` does, or rejects with the reason. */
  wait<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended !== undefined) {
        work.catch(() => undefined);
        reject(this.#ended.reason);
        return;
      }
      this.#waiting.add(reject);
      work.then(
        (value) => {
          this.#waiting.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(reject);
          reject(error);
        },
      );
    });
  }
}
