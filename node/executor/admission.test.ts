/** Admission: each bound refuses by its own name, and gives way again. */
import { describe, expect, test } from '@jest/globals';
import { Admission } from './admission.ts';

function newAdmission(full: { layer?: boolean; disk?: boolean } = {}): Admission {
  return new Admission(
    { writesMax: 2, writeBytesMax: 100 },
    () => full.layer === true,
    () => full.disk === true,
  );
}

describe('Admission', () => {
  test('the number of writes is bounded', () => {
    const admission = newAdmission();
    expect(admission.admit(1)).toBeUndefined();
    expect(admission.admit(1)).toBeUndefined();
    expect(admission.admit(1)).toMatchObject({ code: 'Throttled', facts: { limit: 'writes' } });
    expect(admission.writes).toBe(2);
    admission.release(1);
    expect(admission.admit(1)).toBeUndefined();
  });

  test('their bytes are bounded, but one write always fits', () => {
    const admission = newAdmission();
    expect(admission.admit(1_000)).toBeUndefined();
    expect(admission.admit(1)).toMatchObject({ facts: { limit: 'write-bytes' } });
    admission.release(1_000);
    expect(admission.admit(60)).toBeUndefined();
    expect(admission.admit(40)).toBeUndefined();
  });

  test('a full committed layer throttles until it is drained', () => {
    const full = { layer: true };
    const admission = newAdmission(full);
    expect(admission.admit(1)).toMatchObject({ facts: { limit: 'committed-layer' } });
    full.layer = false;
    expect(admission.admit(1)).toBeUndefined();
  });

  test('a full disk refuses by its own code', () => {
    const full = { disk: true };
    const admission = newAdmission(full);
    expect(admission.admit(1)).toMatchObject({ code: 'NoSpace' });
    full.disk = false;
    expect(admission.admit(1)).toBeUndefined();
  });

  test('a refused write holds nothing', () => {
    const full = { disk: true };
    const admission = newAdmission(full);
    admission.admit(1);
    admission.admit(1);
    expect(admission.writes).toBe(0);
  });
});
