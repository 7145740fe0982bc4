/**
 * Goal: a seed's event log is the same byte for byte whatever surrounds it: time zone, working
 * directory, load, what ran before in the process. Method: the same seed in processes that differ
 * in these, digests compared; and with those recorded for this very code (`digests.json`).
 */
import { describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { simulatedCodeHash } from './code-hash.ts';
import { runSeed } from './run-seed.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../run-seed.ts', import.meta.url));
const digestsUrl = new URL('../digests.json', import.meta.url);
const testMs = 300_000;

interface Digests {
  readonly code: string;
  readonly digests: Readonly<Record<string, string>>;
}

/** Every line that the program prints. */
async function eventsOf(seed: number, timeZone: string, cwd: string): Promise<string> {
  const env = { ...process.env, TZ: timeZone, LANG: 'tr_TR.UTF-8' };
  const args = [program, String(seed), '--events'];
  return (await run(process.execPath, args, { cwd, env, maxBuffer: 1 << 26 })).stdout;
}

describe('the same seed', () => {
  test(
    'gives the same events under another time zone, folder and load',
    async () => {
      const here = await eventsOf(42, 'UTC', process.cwd());
      const [there, busy] = await Promise.all([
        eventsOf(42, 'Pacific/Chatham', tmpdir()),
        eventsOf(42, 'America/St_Johns', '/'),
        runSeed(43),
      ]);
      expect(there).toBe(here);
      expect(busy).toBe(here);
      expect(here.split('\n').length).toBeGreaterThan(20);
    },
    testMs,
  );

  test(
    'gives the digest that is recorded for this code',
    async () => {
      const recorded = JSON.parse(readFileSync(digestsUrl, 'utf8')) as Digests;
      const seeds = Object.keys(recorded.digests);
      expect(seeds.length).toBeGreaterThan(0);
      // Other code may run otherwise; what it was on the code of the record stays known.
      const isThisCode = recorded.code === simulatedCodeHash();
      const compared = isThisCode ? seeds.slice(0, 3) : [];
      for (const seed of compared) {
        expect((await runSeed(Number(seed))).digest).toBe(recorded.digests[seed]);
      }
    },
    testMs,
  );
});
