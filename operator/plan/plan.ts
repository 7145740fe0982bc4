/**
 * One look at a cluster → what to do now: pure, and the same for the same look. Parts are asked in
 * the order of their weight (repair, birth, members, growing, shrinking, roll); the first that has
 * something to do is the only one that acts, so at most one disruptive thing happens at a time.
 * What needs no database comes before what does (O5).
 */
import type { Hindrance, Observed, PlanReport } from '../api/observed.ts';
import { planClaims } from './claim-plan.ts';
import { planCordon } from './cordon-plan.ts';
import { planAdoption, planBirth, planMembers } from './membership-plan.ts';
import { planReturn, planRoll } from './roll-plan.ts';
import type { Decision, PlanMemory, Round, Verdict } from './round.ts';
import { busyMs, idleMs, makeRound } from './round.ts';
import { planScaleDown, planScaleUp, planSet } from './scale-plan.ts';
import { planSettings } from './settings-plan.ts';
import { planTrial, planUnstick } from './template-plan.ts';

/** After a step the world is looked at again at once, or nearly so. */
const afterStepMs = 100;

export function makePlan(observed: Observed, memory: PlanMemory): Decision {
  const { cluster, statefulSet: set } = observed;
  if (cluster.metadata.deletionTimestamp !== undefined) {
    return decide([{}]);
  }
  if (set?.isOwn === false) {
    const message =
      `A StatefulSet "${cluster.metadata.name}" is there that is not of this cluster: delete it, ` +
      'or give this cluster another name';
    return decide([{ problems: [{ reason: 'NameCollision', message }] }]);
  }
  const round = makeRound(observed, memory);
  if (cluster.spec.paused) {
    return decide([planReturn(round)]);
  }
  const verdicts: Verdict[] = [];
  for (const part of [planSet, planTrial, planUnstick, planClaims]) {
    const verdict = part(round);
    verdicts.push(verdict);
    if ((verdict.steps?.length ?? 0) > 0 || set === undefined) {
      return decide(verdicts);
    }
  }
  const birth = planBirth(round);
  return decide([...verdicts, ...(birth === undefined ? planGrown(round) : [birth])]);
}

/** There is a database, and a word from it. */
function planGrown(round: Round): readonly Verdict[] {
  const verdicts: Verdict[] = [];
  const parts = [
    ...[planReturn, planAdoption, planSettings, planMembers, planCordon],
    ...[planScaleUp, planScaleDown, planRoll],
  ];
  for (const part of parts) {
    const verdict = part(round);
    verdicts.push(verdict);
    if ((verdict.steps?.length ?? 0) > 0 || verdict.isBusy === true) {
      break;
    }
  }
  return verdicts;
}

function decide(verdicts: readonly Verdict[]): Decision {
  const steps = verdicts.flatMap((verdict) => verdict.steps ?? []);
  const isBusy = verdicts.some((verdict) => verdict.isBusy === true);
  type Block = 'scaleUpBlocked' | 'scaleDownBlocked' | 'updateBlocked' | 'requiresUpdate';
  const first = (name: Block): Hindrance | undefined =>
    verdicts.find((verdict) => verdict[name] !== undefined)?.[name];
  const report: PlanReport = {
    operations: verdicts.flatMap(({ operation }) => (operation === undefined ? [] : [operation])),
    scaleUpBlocked: first('scaleUpBlocked'),
    scaleDownBlocked: first('scaleDownBlocked'),
    updateBlocked: first('updateBlocked'),
    requiresUpdate: first('requiresUpdate'),
    problems: verdicts.flatMap((verdict) => verdict.problems ?? []),
  };
  const againMs = steps.length > 0 ? afterStepMs : isBusy ? busyMs : idleMs;
  return { steps, report, againMs };
}
