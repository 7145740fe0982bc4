/**
 * Runs the scenarios of `testdata/` (commands: `test/shard-scenario.ts`). `make golden
 * F=node/shards` accepts their outputs; commit that only if you can say why each line changed.
 */
import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describeFailure, runDatadriven } from '../test/datadriven.ts';
import { ShardScenario } from '../test/shard-scenario.ts';

const folder = `${import.meta.dirname}/testdata`;
const isRewriting = process.env['REWRITE'] === '1';

describe('scenarios', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));

  test.each(names.sort())('%s', (name) => {
    const path = `${folder}/${name}`;
    const scenario = new ShardScenario();
    const { failures, directiveCount, rewritten } = runDatadriven(
      readFileSync(path, 'utf8'),
      (directive) => scenario.run(directive),
      { keepGoing: isRewriting },
    );
    if (isRewriting) {
      writeFileSync(path, rewritten);
    }
    expect(directiveCount).toBeGreaterThan(0);
    // An assertion that fails is a failure, whatever was accepted.
    expect(rewritten).not.toContain('FAILED');
    expect(isRewriting ? [] : failures.map(describeFailure)).toEqual([]);
  });
});
