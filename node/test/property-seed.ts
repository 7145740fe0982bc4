/**
 * The seed of generated tests. The gate says the same about the same tree: seed 1, or
 * `PROPERTY_SEED=n`. `PROPERTY_SEED=random` looks further; a failure prints the seed to repeat.
 */
import * as fc from 'fast-check';

const text = process.env['PROPERTY_SEED'] ?? '1';

if (text !== 'random') {
  const seed = Number(text);
  if (!Number.isSafeInteger(seed)) {
    throw new Error(`Cannot seed the generated tests, use "random" or an integer: "${text}"`);
  }
  fc.configureGlobal({ seed });
}
