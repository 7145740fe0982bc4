/**
 * Kubernetes objects as the views that plan and status read: pure. An object of a kind that the
 * operator does not own is never taken for one (O16); a field that is absent is absent.
 */
import { annotations, labels, nodeContainer, ordinalOf } from '../api/names.ts';
import type { ClaimView, MachineView, PodView, StatefulSetView } from '../api/observed.ts';
import { controllerOf } from '../kube/kube-objects.ts';
import type { Claim, ContainerStatus, Machine, Pod, StatefulSet } from '../api/kube-object.ts';
import { msOfTime } from '../kube/object-hash.ts';

export function podView(cluster: string, pod: Pod): PodView | undefined {
  const { metadata, spec, status } = pod;
  const ordinal = ordinalOf(cluster, metadata.name);
  if (ordinal === undefined) {
    return undefined;
  }
  const ready = status?.conditions?.find((each) => each.type === 'Ready');
  const isReady = ready?.status === 'True';
  const container = status?.containerStatuses?.find((each) => each.name === nodeContainer);
  const { failure, failureMessage } = failureOf(pod, container);
  return {
    ...{ name: metadata.name, ordinal, uid: metadata.uid ?? '' },
    resourceVersion: metadata.resourceVersion ?? '',
    ready: isReady,
    readySinceMs: isReady ? msOfTime(ready.lastTransitionTime) : 0,
    createdAtMs: msOfTime(metadata.creationTimestamp),
    terminating: metadata.deletionTimestamp !== undefined,
    templateHash: metadata.annotations?.[annotations.templateHash] ?? '',
    image: spec?.containers?.find((each) => each.name === nodeContainer)?.image ?? '',
    machine: spec?.nodeName ?? '',
    ip: status?.podIP ?? '',
    restarts: container?.restartCount ?? 0,
    ...{ failure, failureMessage },
  };
}

/** Of a pod's last words, in a status that has room for eight of them. */
const lastLineCharactersMax = 300;
/** Waiting for these is how a pod starts. */
const passing = ['ContainerCreating', 'PodInitializing'];

function failureOf(
  pod: Pod,
  container: ContainerStatus | undefined,
): { readonly failure: string; readonly failureMessage: string } {
  const scheduled = pod.status?.conditions?.find((each) => each.type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    const { reason = 'Unschedulable', message = '' } = scheduled;
    return { failure: reason, failureMessage: message };
  }
  const waiting = container?.state?.waiting;
  if (waiting?.reason !== undefined && !passing.includes(waiting.reason)) {
    const said = lastLine(container?.lastState?.terminated?.message);
    return { failure: waiting.reason, failureMessage: said || (waiting.message ?? '') };
  }
  const ended = container?.state?.terminated;
  if (ended !== undefined) {
    return { failure: ended.reason ?? 'Terminated', failureMessage: lastLine(ended.message) };
  }
  return { failure: '', failureMessage: '' };
}

/** Of the end of a log: what the program said last, which is why it ended. */
function lastLine(text = ''): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return (lines.at(-1) ?? '').trim().slice(0, lastLineCharactersMax);
}

export function claimView(
  cluster: { readonly name: string; readonly uid: string },
  claim: Claim,
): ClaimView | undefined {
  const { metadata } = claim;
  const ordinal = ordinalOf(cluster.name, metadata.name);
  return ordinal === undefined
    ? undefined
    : {
        ...{ name: metadata.name, ordinal, uid: metadata.uid ?? '' },
        resourceVersion: metadata.resourceVersion ?? '',
        terminating: metadata.deletionTimestamp !== undefined,
        clusterId: metadata.labels?.[labels.clusterId] ?? '',
        nodeId: metadata.labels?.[labels.nodeId] ?? '',
        retiredNodeId: metadata.labels?.[labels.retiredNodeId] ?? '',
        isOwned: metadata.ownerReferences?.some((owner) => owner.uid === cluster.uid) === true,
      };
}

export function statefulSetView(ownerUid: string, set: StatefulSet): StatefulSetView {
  const { metadata, spec, status } = set;
  const template = spec?.template;
  return {
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    generation: metadata.generation ?? 0,
    observedGeneration: status?.observedGeneration ?? 0,
    replicas: spec?.replicas ?? 0,
    templateHash: template?.metadata?.annotations?.[annotations.templateHash] ?? '',
    image: template?.spec?.containers?.find((each) => each.name === nodeContainer)?.image ?? '',
    isOnTrial: (metadata.annotations?.[annotations.lastGoodTemplate] ?? '') !== '',
    failedTemplateHash: metadata.annotations?.[annotations.failedTemplate] ?? '',
    terminating: metadata.deletionTimestamp !== undefined,
    isOwn: controllerOf(set)?.uid === ownerUid,
  };
}

export function machineView(zoneKey: string, node: Machine): MachineView {
  const ready = node.status?.conditions?.find((each) => each.type === 'Ready');
  return {
    name: node.metadata.name,
    zone: node.metadata.labels?.[zoneKey] ?? '',
    ready: ready?.status === 'True',
    cordoned: node.spec?.unschedulable === true,
  };
}
