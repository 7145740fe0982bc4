/**
 * The verbs about a cluster that are the same wherever it runs: `status`, `nodes`, `shards`, `plan`,
 * `rebalance`, `drain`, `settings`. A program adds them to its command line and says how a cluster is
 * found (`VerbWorld`); they speak the admin API alone.
 */
import type { Command } from 'commander';
import { addDrainVerb } from './drain-verb.ts';
import { addPlanVerb } from './plan-verb.ts';
import { addRebalanceVerb } from './rebalance-verb.ts';
import { addSettingsVerb } from './settings-verb.ts';
import { addStatusVerbs } from './status-verbs.ts';
import type { VerbWorld } from './verb-world.ts';

export function addClusterVerbs(program: Command, world: VerbWorld): void {
  addStatusVerbs(program, world);
  addPlanVerb(program, world);
  addRebalanceVerb(program, world);
  addDrainVerb(program, world);
  addSettingsVerb(program, world);
}
