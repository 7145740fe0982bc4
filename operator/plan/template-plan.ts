/**
 * What new pods are made from. A template is on trial from the moment it is written until a pod of
 * it is Ready; if that pod fails, the last good template goes back into the set, so that a pod
 * which is evicted meanwhile comes back on what works (O4). A pod that is broken *and* outdated is
 * replaced at once, without any gate and without a word from the database (O5): fixing the spec
 * must be enough. Pure.
 */
import type { Hindrance, PodView } from '../api/observed.ts';
import type { Step } from './step.ts';
import type { Round, Verdict } from './round.ts';

/** Failures that do not pass by themselves. */
const lastingFailures = [
  ...['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'],
  ...['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'],
];
/** A crash or two may be the environment's fault. */
const crashesMin = 2;

/** Judges the template in the set by the pods that were made from it. */
export function planTrial(round: Round): Verdict {
  const { statefulSet: set, pods } = round.observed;
  if (set?.isOnTrial !== true) {
    return {};
  }
  const made = pods.filter((pod) => pod.templateHash === set.templateHash);
  if (made.some((pod) => pod.ready)) {
    return { steps: [{ kind: 'confirmTemplate' }] };
  }
  const failed = made.find((pod) => hasFailed(round, pod));
  return failed === undefined
    ? {}
    : { steps: [{ kind: 'restoreTemplate', failedHash: set.templateHash }] };
}

/** A new pod that will not be Ready. */
export function hasFailed({ observed }: Round, pod: PodView): boolean {
  const { progressDeadlineSeconds } = observed.cluster.spec.update;
  const isLate = observed.nowMs - pod.createdAtMs > progressDeadlineSeconds * 1_000;
  const crashes = pod.failure === 'CrashLoopBackOff' && pod.restarts >= crashesMin;
  return !pod.ready && (isLate || crashes || lastingFailures.includes(pod.failure));
}

/** The wanted template was tried, and its pod did not come up. */
export function failedTrial(round: Round): Hindrance | undefined {
  const { statefulSet: set, wantedTemplateHash: wanted, pods } = round.observed;
  if (set === undefined || wanted === undefined || set.failedTemplateHash !== wanted) {
    return undefined;
  }
  const made = pods.filter((pod) => pod.templateHash === wanted);
  if (set.templateHash === wanted || made.some((pod) => pod.ready)) {
    return undefined; // It works after all.
  }
  const [pod] = made;
  const why = pod === undefined ? '' : `: ${pod.name} ${pod.failure || 'was not Ready in time'}`;
  const more = pod?.failureMessage === undefined ? '' : ` ${pod.failureMessage}`;
  const message =
    `A pod of the new template failed${why}${more}. Other pods stay as they are; change the ` +
    'spec, or set spec.update.restartedAt to try the same again';
  return { reason: 'DeadlineExceeded', message: message.slice(0, 1_000) };
}

/** Replaces a pod that is broken and outdated. */
export function planUnstick(round: Round): Verdict {
  const { statefulSet: set, wantedTemplateHash: wanted, pods } = round.observed;
  if (set === undefined || wanted === undefined || failedTrial(round) !== undefined) {
    return {};
  }
  const broken = pods.find((pod) => pod.templateHash !== wanted && isBroken(round, pod));
  if (broken === undefined) {
    return {};
  }
  const write: readonly Step[] = set.templateHash === wanted ? [] : [{ kind: 'writeTemplate' }];
  const remove: Step = { kind: 'deletePod', pod: broken, nodeId: 0, why: 'Unstick' };
  return { steps: [...write, remove], isBusy: true };
}

/** It does not run, and nobody hears of it (O6): neither the operator nor its peers. */
function isBroken(round: Round, pod: PodView): boolean {
  const node = round.nodes.get(pod.ordinal);
  return (
    !pod.ready &&
    !pod.terminating &&
    pod.failure !== '' &&
    !round.identities.has(pod.ordinal) &&
    node?.answers !== true
  );
}
