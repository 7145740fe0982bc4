/** Numbers as a status tells them: coarse, so that they stand still while nothing happens (O17). */

/** Two digits exact, the rest zeros; never more exact than one. */
export function twoDigits(value: number): number {
  if (!Number.isFinite(value) || value <= 0) {
    return 0;
  }
  const step = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.round(value / step) * step;
}

/** What a cluster writes while it idles is less, bytes. */
const bytesStepMin = 1_000_000;

/** Bytes, two digits exact, never more exact than a megabyte. */
export function coarseBytes(bytes: number): number {
  const coarse = twoDigits(bytes);
  return Math.round(coarse / bytesStepMin) < 10
    ? Math.round(bytes / bytesStepMin) * bytesStepMin
    : coarse;
}

/** At most so many characters, an ellipsis included. */
export function shortText(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`;
}
