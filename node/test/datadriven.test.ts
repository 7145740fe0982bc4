import { describe, expect, test } from '@jest/globals';

import {
  describeFailure,
  parseDatadriven,
  parseDirectiveLine,
  runDatadriven,
} from './datadriven.ts';
import { traceKind } from './raft-traces.ts';

const file = `# A comment.

echo a b=c
two
lines
----
a two
lines

subtest some

echo \\
  x
----
----
x

y
----
----

subtest end

echo
----
`;

describe('datadriven', () => {
  test('parseDirectiveLine() knows bare words, values and lists', () => {
    expect(parseDirectiveLine(' cmd a b= c=d e=(1, (2,3),x y) f=() ')).toEqual({
      command: 'cmd',
      args: [
        { key: 'a', values: [] },
        { key: 'b', values: [''] },
        { key: 'c', values: ['d'] },
        { key: 'e', values: ['1', '(2,3)', 'x y'] },
        { key: 'f', values: [''] },
      ],
    });
    expect(() => parseDirectiveLine('cmd a=(1')).toThrow('a parenthesis is open');
    expect(() => parseDirectiveLine('cmd =1')).toThrow('at column 5');
  });

  test('parseDatadriven() reads input, output, long output and continued lines', () => {
    const directives = parseDatadriven(file);
    expect(directives.map(({ line, input, expected }) => [line, input, expected])).toEqual([
      [3, 'two\nlines', 'a two\nlines\n'],
      [12, '', 'x\n\ny\n'],
      [24, '', ''],
    ]);
  });

  test('runDatadriven() passes when outputs agree, and rewrites to the same file', () => {
    const outputs = ['a two\nlines', 'x\n\ny', ''];
    const { failures, rewritten } = runDatadriven(file, () => outputs.shift() ?? '?');
    expect(failures).toEqual([]);
    expect(rewritten).toBe(file);
  });

  test('runDatadriven() stops at the first difference and tells it', () => {
    const { failures, directiveCount } = runDatadriven(file, () => 'a two\nother');
    expect([failures.length, directiveCount]).toEqual([1, 1]);
    const [failure] = failures;
    expect(failure && describeFailure(failure)).toBe(
      'line 3: echo\n    a two\n  - lines\n  - \n  + other\n  + ',
    );
  });

  test('traceKind() follows from the commands', () => {
    expect(traceKind('vote cfg=(1) votes=(y)\n----\nVoteWon\n')).toBe('quorum');
    expect(traceKind('simple\nv1\n----\n')).toBe('confchange');
    expect(traceKind('campaign 1\n----\nok\n')).toBe('interaction');
  });
});
