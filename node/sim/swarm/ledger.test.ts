/** Goal: runs on the same code add up, runs on other code stand beside them. */
import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simulatedCodeHash, simulatedFiles } from './code-hash.ts';
import { cleanSeeds, readLedger, withRun, writeLedger } from './ledger.ts';

describe('Ledger', () => {
  test('withRun() adds to the entry of the same code', () => {
    let ledger = withRun(
      { nextSeed: 0, entries: [] },
      { code: 'a', commit: '1', passed: 10, failed: [3] },
      11,
    );
    ledger = withRun(ledger, { code: 'b', commit: '2', passed: 5, failed: [] }, 16);
    ledger = withRun(ledger, { code: 'a', commit: '3', passed: 2, failed: [1] }, 4);
    expect(ledger).toEqual({
      nextSeed: 16,
      entries: [
        { code: 'b', commit: '2', passed: 5, failed: [] },
        { code: 'a', commit: '3', passed: 12, failed: [1, 3] },
      ],
    });
    expect(cleanSeeds(ledger)).toBe(17);
  });

  test('what is written is read again; no file is an empty ledger', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ledger-'));
    const path = join(folder, 'ledger.json');
    expect(readLedger(path)).toEqual({ nextSeed: 0, entries: [] });
    const ledger = { nextSeed: 1, entries: [{ code: 'a', commit: '1', passed: 1, failed: [] }] };
    writeLedger(ledger, path);
    expect(readLedger(path)).toEqual(ledger);
    rmSync(folder, { recursive: true });
  });
});

describe('simulatedCodeHash', () => {
  test('covers the product below the doors and the simulator, and no test', () => {
    const files = simulatedFiles();
    for (const path of ['raft/raft.ts', 'host/group.ts', 'sim/swarm/run-seed.ts']) {
      expect(files).toContain(path);
    }
    expect(files.filter((path) => /\.test\.ts$|^bench|^cli|^http/.test(path))).toEqual([]);
    expect(simulatedCodeHash()).toMatch(/^[0-9a-f]{16}$/);
  });
});
