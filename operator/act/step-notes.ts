/** The event that tells of a step, for `kubectl describe`; steps without one are details. */
import type { Note } from '../kube/event-recorder.ts';
import type { Step } from '../plan/step.ts';

export function noteOf(step: Step): Note | undefined {
  switch (step.kind) {
    case 'createSet':
      return normal('Created', `Created the StatefulSet with ${step.replicas} replicas`);
    case 'scaleSet':
      return step.why === 'ExternalScale'
        ? warning('ExternalScale', `Set the StatefulSet back to ${step.replicas} replicas`)
        : normal('Scaled', `Set the StatefulSet to ${step.replicas} replicas`);
    case 'writeTemplate':
      return normal('TemplateWritten', 'New pods are made from the new template');
    case 'restoreTemplate':
      return warning(
        'RollStopped',
        'A pod of the new template did not become Ready: the last good template is back in place',
      );
    case 'init':
      return normal('DatabaseCreated', `Created the database on ${step.members.length} nodes`);
    case 'join':
      return normal('NodeJoining', `${step.pod.name} joins the database`);
    case 'setNodeState':
      return stateNote(step);
    case 'removeNode':
      return normal('NodeRemoved', `Node ${step.nodeId} was removed from the database`);
    case 'deleteClaim':
      return normal(
        'VolumeDeleted',
        `Deleted the volume ${step.claim.name} of node ${step.nodeId}`,
      );
    case 'deletePod':
      return deletionNote(step);
    case 'updateSettings':
      return normal('SettingsChanged', `Changed settings: ${JSON.stringify(step.change)}`);
    default:
      return undefined;
  }
}

function stateNote({ why, nodeId }: Step & { kind: 'setNodeState' }): Note {
  switch (why) {
    case 'Joined':
      return normal('NodeActive', `Node ${nodeId} is active: shards move to it`);
    case 'ScaleDown':
      return normal('DrainStarted', `Node ${nodeId} is drained: its shards move to other nodes`);
    case 'DrainCancelled':
      return normal('DrainCancelled', `Node ${nodeId} stays: its drain was called off`);
  }
}

function deletionNote({ why, pod }: Step & { kind: 'deletePod' }): Note {
  switch (why) {
    case 'Roll':
      return normal('PodReplaced', `Replacing ${pod.name}`);
    case 'Unstick':
      return warning('PodUnstuck', `Replacing ${pod.name}, which was broken and outdated`);
    case 'Cordon':
      return normal('PodMoved', `Moving ${pod.name}, which serves nothing, off ${pod.machine}`);
  }
}

function normal(reason: string, message: string): Note {
  return { type: 'Normal', reason, message };
}

function warning(reason: string, message: string): Note {
  return { type: 'Warning', reason, message };
}
