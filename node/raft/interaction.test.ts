/**
 * Runs the traces of `testdata/`. `REWRITE=1 node node/test/raft-traces.ts node/raft/testdata`
 * accepts their outputs; commit that only if you can say why each line changed.
 */
import { describe, expect, test } from '@jest/globals';

import { runTraceFile, traceFiles } from '../test/raft-traces.ts';

describe('raft traces', () => {
  const folder = `${import.meta.dirname}/testdata`;
  test.each(traceFiles(folder).map((path) => [path.slice(folder.length + 1), path]))(
    '%s',
    (_name, path) => {
      expect(runTraceFile(path, false)).toBeUndefined();
    },
  );
});
