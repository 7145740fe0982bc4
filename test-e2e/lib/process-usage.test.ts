import { describe, expect, test } from '@jest/globals';
import { processUsage } from './process-usage.ts';

describe('usage of a process', () => {
  test('of this one: as Node itself counts it', () => {
    const { cpuSeconds, megabytes } = processUsage(process.pid);
    const { user, system } = process.cpuUsage();
    const own = (user + system) / 1e6;
    expect(cpuSeconds).toBeGreaterThan(0);
    expect(cpuSeconds).toBeLessThan(own + 1);
    expect(megabytes).toBeGreaterThan((process.memoryUsage().rss / 1e6) * 0.5);
    expect(megabytes).toBeLessThan((process.memoryUsage().rss / 1e6) * 2);
  });
});
