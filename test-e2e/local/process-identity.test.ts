import { describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { identifyProcess, isAlive, isOwnOrAbove, ownIdentity } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

describe('isOwnOrAbove()', () => {
  test('this process and the one that started it are, one that it started is not', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const below = identifyProcess(child.pid ?? 0) as ProcessIdentity;
    try {
      expect(isAlive(below)).toBe(true);
      expect(isOwnOrAbove(below)).toBe(false);
      expect(isOwnOrAbove(ownIdentity())).toBe(true);
      expect(isOwnOrAbove(identifyProcess(process.ppid) as ProcessIdentity)).toBe(true);
      // Another that had the pid before.
      expect(isOwnOrAbove({ ...ownIdentity(), startTicks: '1' })).toBe(false);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(isAlive(below)).toBe(false);
  });
});
