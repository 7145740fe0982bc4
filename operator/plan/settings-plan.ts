/** Settings of the database that the spec names; what it leaves out stays as it is. Pure. */
import { parseQuantity } from '../api/quantity.ts';
import type { Round, Verdict } from './round.ts';
import type { SettingsChange } from './step.ts';

export function planSettings(round: Round): Verdict {
  const { settings } = round.memory;
  const { spec } = round.observed.cluster;
  if (settings === undefined || round.status === undefined) {
    return {};
  }
  const { mode, maxConcurrentMoves, maxBytesPerSecond, deadNodeGraceSeconds } = spec.rebalance;
  const wanted: SettingsChange = {
    rebalanceMode: mode,
    ...(maxConcurrentMoves === undefined ? {} : { concurrentMovesMax: maxConcurrentMoves }),
    ...(maxBytesPerSecond === undefined
      ? {}
      : { snapshotBytesPerSecond: parseQuantity(maxBytesPerSecond) }),
    ...(deadNodeGraceSeconds === undefined
      ? {}
      : { deadNodeGraceMs: deadNodeGraceSeconds * 1_000 }),
    // It is never lowered (CEL), so a person who raised it by hand is not overruled.
    ...(spec.replicationFactor > settings.replicationFactor
      ? { replicationFactor: spec.replicationFactor }
      : {}),
  };
  const change = Object.fromEntries(
    Object.entries(wanted).filter(
      ([name, value]) => settings[name as keyof SettingsChange] !== value,
    ),
  ) as SettingsChange;
  return Object.keys(change).length === 0
    ? {}
    : { steps: [{ kind: 'updateSettings', revision: settings.revision, change }] };
}
