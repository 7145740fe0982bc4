/** What a program says of a verb that failed: one line, or JSON where JSON was asked for. */
import { isDynakvError, messageOf } from '../lib/errors.ts';

/** A refusal has a name of its own, for programs and for looking it up. */
export function describeFailure(error: unknown, isJson: boolean): string {
  const message = messageOf(error);
  const named = isDynakvError(error) ? error.facts['reason'] : undefined;
  const reason = typeof named === 'string' && named !== '' ? named : undefined;
  if (isJson) {
    return JSON.stringify({ error: { reason: reason ?? 'Failed', message } });
  }
  return reason === undefined ? message : `${message} (${reason})`;
}
