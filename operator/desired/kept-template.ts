/**
 * A newer operator may render the same spec to another template. That alone replaces no pods: the
 * template that runs is kept until what it is made from changes, or a person asks for it by
 * `spec.update.restartedAt` (O18). Pure.
 */
import type { StatefulSet } from '../api/kube-object.ts';
import { annotations } from '../api/names.ts';
import type { Hindrance } from '../api/observed.ts';
import type { DesiredObjects } from './desired-objects.ts';

export interface KeptTemplate {
  readonly desired: DesiredObjects;
  /** A consent is asked for. */
  readonly requiresUpdate?: Hindrance;
}

/** What is wanted, beside a set that is there. */
export function keepTemplate(desired: DesiredObjects, live: StatefulSet | undefined): KeptTemplate {
  const running = live?.spec?.template;
  const made = running?.metadata?.annotations ?? {};
  const wanted = desired.statefulSet.spec?.template.metadata?.annotations ?? {};
  const isOfOther = made[annotations.renderer] !== wanted[annotations.renderer];
  const isSame = made[annotations.templateInputs] === wanted[annotations.templateInputs];
  const hash = made[annotations.templateHash];
  if (running === undefined || hash === undefined || !isOfOther || !isSame) {
    return { desired };
  }
  const { statefulSet } = desired;
  const spec = { ...(statefulSet.spec as object), template: running };
  const message =
    `The pods are as renderer ${made[annotations.renderer] ?? '?'} made them, and this operator has ` +
    `renderer ${wanted[annotations.renderer] ?? '?'}: set spec.update.restartedAt to replace them`;
  return {
    desired: {
      ...desired,
      statefulSet: { ...statefulSet, spec } as DesiredObjects['statefulSet'],
      templateHash: hash,
    },
    requiresUpdate: { reason: 'RendererChanged', message },
  };
}
