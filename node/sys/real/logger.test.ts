/** The lines that the real log writes, taken from a stream instead of the standard output. */
import { describe, expect, test } from '@jest/globals';
import { Writable } from 'node:stream';
import { DynakvError } from '../../lib/errors.ts';
import type { LogLevel } from './logger.ts';
import { createLogger } from './logger.ts';

function capture(format: 'json' | 'pretty', level: LogLevel = 'info') {
  const lines: string[] = [];
  const target = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const fields = { node: 'n1' };
  return { lines, logger: createLogger({ level, format, isTerminal: false, fields, target }) };
}

describe('createLogger()', () => {
  test('writes one JSON object a line, with the fields of parents', () => {
    const { lines, logger } = capture('json');
    logger.child({ shard: 3 }).info('Leader elected', { term: 7 });
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(line).toMatchObject({
      level: 'info',
      node: 'n1',
      shard: 3,
      term: 7,
      message: 'Leader elected',
    });
    expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  test('leaves out what is below its level', () => {
    const { lines, logger } = capture('json', 'warn');
    logger.info('Not seen');
    logger.debug('Not seen');
    logger.warn('Seen');
    expect(lines).toHaveLength(1);
  });

  test('writes an error with its code, facts and cause', () => {
    const { lines, logger } = capture('json');
    const cause = new Error('disk on fire');
    const error = new DynakvError('StoreFailed', 'Cannot sync', { segment: 4 }, cause);
    logger.error('Store failed', { error });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      error: {
        code: 'StoreFailed',
        message: 'Cannot sync',
        facts: { segment: 4 },
        cause: { message: 'disk on fire' },
      },
    });
  });

  test('writes lines for people when asked to', () => {
    const { lines, logger } = capture('pretty');
    logger.info('Ready', { port: 8000 });
    expect(lines.join('')).toMatch(/INFO.*Ready/);
    expect(lines.join('')).toContain('port: 8000');
    expect(lines.join('')).not.toContain('{"level"');
  });
});
