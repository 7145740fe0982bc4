/** FailureStreak: what of a long outage is told. Method: the lines of a log that keeps them. */
import { expect, test } from '@jest/globals';
import type { LogFields, Logger } from '../../node/sys/log.ts';
import { silentLogger } from '../../node/sys/log.ts';
import { FailureStreak } from './failure-streak.ts';
import { world } from './testing-kube.ts';

test('an outage is told at 1, 2, 4, 8 … failures, and its end once', () => {
  const lines: string[] = [];
  const keep =
    (level: string) =>
    (message: string, fields?: LogFields): void => {
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
  const log: Logger = { ...silentLogger, warn: keep('warn'), info: keep('info') };
  let nowMs = 0;
  const clock = { ...world.clock, monotonicMs: () => nowMs };
  const streak = new FailureStreak('A watch', { clock, log });
  streak.worked();
  for (let failure = 0; failure < 1_000; failure++) {
    streak.failed(new Error('refused'), { kind: 'Pod' });
    nowMs += 120;
  }
  expect(streak.count).toBe(1_000);
  streak.worked({ kind: 'Pod' });
  streak.worked({ kind: 'Pod' });
  streak.failed('cut');
  expect(lines).toHaveLength(12);
  expect(lines[3]).toBe(
    'warn A watch failed and is tried again {"kind":"Pod","failures":8,"why":"refused"}',
  );
  expect(lines.slice(10)).toEqual([
    'info A watch works again {"kind":"Pod","failures":1000,"seconds":120}',
    'warn A watch failed and is tried again {"failures":1,"why":"cut"}',
  ]);
});
