/**
 * A storm: a schedule of faults drawn from a seed against real code, with checks that know nothing
 * of any particular fault. The same seed gives the same run.
 */
export interface Storm {
  readonly name: string;
  /** What happens in it, in a sentence. */
  readonly what: string;
  /** Resolves if nothing was found; rejects with what was. */
  run(seed: number): Promise<void>;
}
