/**
 * A seed's report for people: the verdict, and of a failure everything that it takes to look into
 * it: seed, commit, options drawn, the last events, the one command that replays it.
 */
import type { SeedResult } from './run-seed.ts';
import type { SwarmOverrides } from './swarm-options.ts';

/** One line. */
export function describeVerdict(report: SeedResult): string {
  const { seed, failure, digest, simulatedMs, operations, events } = report;
  const verdict = failure === undefined ? 'passed' : `FAILED ${failure.kind} ${failure.check}`;
  const done = Object.values(operations).reduce((total, count) => total + count, 0);
  const seconds = (simulatedMs / 1000).toFixed(1);
  return (
    `seed ${seed} ${verdict}: ${seconds} simulated s, ${done} operations, ` +
    `${events} events, digest ${digest.slice(0, 16)}`
  );
}

/** The command that runs this seed again, alike. */
export function replayCommand(seed: number, overrides: SwarmOverrides): string {
  const isPlain = Object.keys(overrides).length === 0;
  return `node node/sim/run-seed.ts ${seed}${isPlain ? '' : ` --with '${JSON.stringify(overrides)}'`}`;
}

/** Everything about a failure, in lines. */
export function describeFailure(
  report: SeedResult,
  overrides: SwarmOverrides,
  commit: string,
): string {
  const { seed, failure, options, lastEvents } = report;
  const drawn = Object.entries(options).map(
    ([name, value]) => `  ${name.padEnd(18)} ${JSON.stringify(value)}`,
  );
  return [
    describeVerdict(report),
    `SIM_SEED=${seed} GIT=${commit}`,
    'options:',
    ...drawn,
    `last ${lastEvents.length} events (ms, node, kind, facts):`,
    ...lastEvents,
    '',
    `${failure?.kind ?? 'passed'} ${failure?.check ?? ''}: ${failure?.message ?? ''}`,
    `replay: ${replayCommand(seed, overrides)}`,
  ].join('\n');
}
