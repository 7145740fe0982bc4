/**
 * How a person, a supervisor or a launcher tells this process to stop: SIGINT, SIGTERM, or the end
 * of the channel to the launcher that started it. The first means "in order", a second one "now".
 */

export interface StopSignals {
  readonly stop: AbortSignal;
  readonly hurry: AbortSignal;
}

/** Listens from now on; the process no longer ends by these signals alone. */
export function listenForStop(): StopSignals {
  const stop = new AbortController();
  const hurry = new AbortController();
  const onSignal = (): void => {
    (stop.signal.aborted ? hurry : stop).abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.once('disconnect', () => {
    stop.abort();
  });
  // The channel to a launcher must not keep a process alive that has nothing left to do.
  process.channel?.unref();
  return { stop: stop.signal, hurry: hurry.signal };
}
