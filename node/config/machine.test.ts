/** Machines that can and cannot run the binding. */
import { describe, expect, test } from '@jest/globals';
import type { Machine } from './machine.ts';
import { findMachineProblem, readMachine } from './machine.ts';

const good: Machine = {
  platform: 'linux-x64',
  glibcVersion: '2.36',
  cpuFlags: new Set(['avx2', 'bmi1', 'bmi2', 'fma', 'movbe', 'popcnt']),
};

describe('findMachineProblem()', () => {
  test('accepts what is known to work, and unknown processors', () => {
    expect(findMachineProblem(good)).toBeUndefined();
    expect(findMachineProblem({ ...good, glibcVersion: '3.0' })).toBeUndefined();
    expect(findMachineProblem({ ...good, cpuFlags: undefined })).toBeUndefined();
  });

  test('names what is missing', () => {
    expect(findMachineProblem({ ...good, platform: 'linux-arm64' })).toContain('linux-arm64');
    expect(findMachineProblem({ ...good, glibcVersion: '2.31' })).toContain('found 2.31');
    expect(findMachineProblem({ ...good, glibcVersion: undefined })).toContain('found none');
    expect(findMachineProblem({ ...good, cpuFlags: new Set(['fma']) })).toContain('avx2');
  });
});

describe('readMachine()', () => {
  test('reads this machine', () => {
    expect(readMachine().platform).toMatch(/^[a-z0-9]+-[a-z0-9]+$/);
  });
});
