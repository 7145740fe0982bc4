/**
 * Where the core writes its state changes. Synchronous and injected: the core itself does no I/O.
 * The texts are part of the interaction traces (`testdata/`), so they change only with them.
 */
export interface RaftLogger {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** Drops everything. */
export const silentLogger: RaftLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A replica id as the traces print it: hexadecimal. */
export function idText(id: number): string {
  return id.toString(16);
}
