/** Everything that a cluster consists of in Kubernetes but its Secrets, in the order of making. */
import type { KubeObject, StatefulSet } from '../api/kube-object.ts';
import { objectNames } from '../api/names.ts';
import type { BuildContext } from './build-context.ts';
import { buildNetworkPolicy } from './network-policy.ts';
import { buildPodDisruptionBudget } from './pod-disruption-budget.ts';
import { buildPodMonitor } from './pod-monitor.ts';
import { buildServiceAccount } from './service-account.ts';
import { buildClientService, buildPeersService } from './services.ts';
import { buildStatefulSet } from './stateful-set.ts';

/** An object that must not be there, if it is this cluster's. */
export interface Unwanted {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface DesiredObjects {
  readonly objects: readonly KubeObject[];
  readonly unwanted: readonly Unwanted[];
  /** Without replicas. */
  readonly statefulSet: StatefulSet;
  readonly templateHash: string;
}

export interface DesiredFacts {
  /** Losing one more ready pod would break a quorum. */
  readonly isQuorumAtRisk: boolean;
}

export function buildDesiredObjects(context: BuildContext, facts: DesiredFacts): DesiredObjects {
  const { name, namespace } = context.cluster.metadata;
  const names = objectNames(name);
  const optional = [
    {
      built: buildPodDisruptionBudget(context, facts.isQuorumAtRisk),
      ...{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', name: names.podDisruptionBudget },
    },
    {
      built: buildNetworkPolicy(context),
      ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', name: names.networkPolicy },
    },
    {
      built: buildPodMonitor(context),
      ...{ apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', name: names.podMonitor },
    },
  ];
  const { object: statefulSet, templateHash } = buildStatefulSet(context);
  return {
    objects: [
      buildServiceAccount(context),
      buildPeersService(context),
      buildClientService(context),
      ...optional.map(({ built }) => built).filter((built) => built !== undefined),
    ],
    unwanted: optional
      .filter(({ built }) => built === undefined)
      .map(({ apiVersion, kind, name: object }) => ({ apiVersion, kind, namespace, name: object })),
    statefulSet,
    templateHash,
  };
}
