/**
 * What fake kubelets should do to the pods on their nodes: pure. A new pod runs and is Ready with
 * an address of its own; one that terminates is deleted; one that was told to fail is not
 * Ready, or crash-loops. A node that is down does nothing at all, as a kubelet that is dead.
 */
import type { Pod } from '../lib/kube-objects.ts';

/** How a pod behaves: well, or as it was told. */
export type PodFate = 'ready' | 'not-ready' | 'crash-loop' | 'pending';

export interface PodWorld {
  /** Nodes whose kubelet works. */
  readonly working: ReadonlySet<string>;
  /** By `namespace/name`; of others the fate is `ready`. */
  readonly fates: ReadonlyMap<string, PodFate>;
  /** Kept by `namespace/name` while set: the pod stays Terminating. */
  readonly lingering: ReadonlySet<string>;
}

export type PodStep =
  | { readonly kind: 'delete'; readonly pod: Pod }
  | { readonly kind: 'status'; readonly pod: Pod; readonly fate: PodFate };

export function keyOfPod(pod: Pod): string {
  return `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
}

export function planPods(pods: readonly Pod[], world: PodWorld): readonly PodStep[] {
  return pods.flatMap((pod): readonly PodStep[] => {
    const node = pod.spec.nodeName;
    if (node === undefined || !world.working.has(node)) {
      return [];
    }
    const key = keyOfPod(pod);
    if (pod.metadata.deletionTimestamp !== undefined) {
      return world.lingering.has(key) ? [] : [{ kind: 'delete', pod }];
    }
    const fate = world.fates.get(key) ?? 'ready';
    return fateOf(pod) === fate ? [] : [{ kind: 'status', pod, fate }];
  });
}

/** The fate that a pod's status shows. */
function fateOf(pod: Pod): PodFate {
  const status = pod.status?.containerStatuses?.[0];
  if (status === undefined) {
    return 'pending';
  }
  if (status.state?.['waiting'] !== undefined) {
    return 'crash-loop';
  }
  return status.ready ? 'ready' : 'not-ready';
}

/** The status of a pod with a fate, as a kubelet would write it. */
export function statusOf(pod: Pod, fate: PodFate, facts: { podIP: string; now: string }): object {
  const { podIP, now } = facts;
  const isReady = fate === 'ready';
  const crashes = fate === 'crash-loop';
  const condition = (type: string, holds: boolean): object => ({
    type,
    status: holds ? 'True' : 'False',
    lastTransitionTime: now,
    ...(holds ? {} : { reason: 'ContainersNotReady' }),
  });
  const containers = pod.spec.containers.map(({ name }, index) => {
    const before = pod.status?.containerStatuses?.[index];
    return {
      name,
      image: 'fake',
      imageID: 'fake',
      containerID: `fake://${pod.metadata.uid ?? ''}-${name}`,
      ready: isReady,
      started: !crashes,
      restartCount: (before?.restartCount ?? 0) + (crashes ? 1 : 0),
      state: crashes
        ? { waiting: { reason: 'CrashLoopBackOff', message: 'told to fail' } }
        : { running: { startedAt: now } },
    };
  });
  return {
    phase: fate === 'pending' ? 'Pending' : 'Running',
    hostIP: '192.0.2.1',
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: now,
    conditions: [
      condition('PodScheduled', true),
      condition('PodReadyToStartContainers', true),
      condition('Initialized', true),
      condition('ContainersReady', isReady),
      condition('Ready', isReady),
    ],
    containerStatuses: fate === 'pending' ? [] : containers,
  };
}
