/**
 * Looks for a smaller seed that fails alike: fewer kinds of faults, nodes, shards, clients, less
 * time, less churn. Greedy: a change is kept if one of a few seeds then fails the same check.
 */
import type { SeedReport } from './run-seed.ts';
import { runSeed } from './run-seed.ts';
import type { ChurnOptions } from './churn-options.ts';
import type { SwarmOptions, SwarmOverrides } from './swarm-options.ts';

/** Seeds tried for a change: another course of events may miss the bug by chance. */
const seedsPerChange = 6;
/** Runs in all. */
const runsMax = 400;

export interface Shrunk {
  readonly report: SeedReport;
  readonly overrides: SwarmOverrides;
  readonly runs: number;
}

/** Changes that make a run smaller, the most promising first. */
function changes(options: SwarmOptions): SwarmOverrides[] {
  const { faults, workloads, nodes, shards, clients, keys, chaosMs, replicationFactor } = options;
  const smaller: SwarmOverrides[] = [
    ...(options.tables ? [{ tables: false }] : []),
    ...(options.systemAway ? [{ systemAway: false }] : []),
    ...(options.poison ? [{ poison: false }] : []),
    ...(chaosMs > 2_000 ? [{ chaosMs: Math.round(chaosMs / 2) }] : []),
    ...(faults.length > 1
      ? faults.map((kind) => ({ faults: faults.filter((one) => one !== kind) }))
      : []),
    ...(nodes > 3 && replicationFactor <= 3 ? [{ nodes: 3 }] : []),
    ...(replicationFactor > 3 ? [{ replicationFactor: 3 }] : []),
    ...(shards > 1 ? [{ shards: 1 }] : []),
    ...(workloads.length > 1 ? workloads.map((kind) => ({ workloads: [kind] })) : []),
    ...(clients > 1 ? [{ clients: Math.ceil(clients / 2) }] : []),
    ...(keys > 1 ? [{ keys: Math.ceil(keys / 2) }] : []),
    ...(options.eventualChance > 0 ? [{ eventualChance: 0 }] : []),
    ...(options.valueBytesMax > 16 ? [{ valueBytesMax: 16 }] : []),
  ];
  return [...smaller, ...churnChanges(options.churn)];
}

/** None at all, or less of it. Named in full: what another seed would draw is another case. */
function churnChanges(churn: ChurnOptions | undefined): SwarmOverrides[] {
  if (churn === undefined) {
    return [];
  }
  const { kinds, joinsMax, zones } = churn;
  return [
    { churn: false },
    ...(kinds.length > 1
      ? kinds.map((kind) => ({ churn: { ...churn, kinds: kinds.filter((one) => one !== kind) } }))
      : []),
    ...(joinsMax > 1 ? [{ churn: { ...churn, joinsMax: 1 } }] : []),
    ...(zones > 0 ? [{ churn: { ...churn, zones: 0 } }] : []),
  ];
}

/** `failed` fails; `note` hears of every change that was kept. */
export async function shrink(
  failed: SeedReport,
  overrides: SwarmOverrides,
  note: (text: string) => void,
): Promise<Shrunk> {
  let best: Shrunk = { report: failed, overrides, runs: 0 };
  const check = failed.failure?.check;
  let runs = 0;
  for (let isSmaller = true; isSmaller && runs < runsMax;) {
    isSmaller = false;
    for (const change of changes(best.report.options)) {
      const changed = { ...best.overrides, ...change };
      for (let i = 0; i < seedsPerChange && runs < runsMax && !isSmaller; i++) {
        runs += 1;
        const report = await runSeed(best.report.seed + i, changed);
        if (report.failure?.check === check) {
          isSmaller = true;
          best = { report, overrides: changed, runs };
          note(`seed ${report.seed} with ${JSON.stringify(change)}`);
        }
      }
      if (isSmaller) {
        break;
      }
    }
  }
  return { ...best, runs };
}
