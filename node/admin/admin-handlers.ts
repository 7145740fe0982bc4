/** What a node does for each call of the admin service; groups of calls have files of their own. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { StatusView } from '../contract/status-types.ts';
import { DynakvError } from '../lib/errors.ts';
import type { StatusResponseSchema } from '../contract/gen/admin_pb.ts';
import type { ChannelCredentialsSource } from '../transport/grpc-channel.ts';
import type { Clock } from '../sys/clock.ts';
import { birthHandlers } from './cluster-birth.ts';
import type { AdminHandlers } from './grpc-admin.ts';
import { joinHandlers } from './joining.ts';
import { ManagerCalls } from './manager-calls.ts';
import { movementHandlers } from './movement.ts';
import { nodeHandlers } from './node-changes.ts';
import type { NodeControl } from './node-control.ts';
import { settingsHandlers } from './settings.ts';
import { clusterStatus, localStatus } from './status.ts';

function starting(): DynakvError {
  return new DynakvError('Unavailable', 'The node is starting', { reason: 'Starting' });
}

type StatusMessage = MessageInitShape<typeof StatusResponseSchema>;

/** The generated code's idea of the same shapes: mutable lists, absent for undefined. */
function toMessage(status: StatusView): StatusMessage {
  return JSON.parse(JSON.stringify(status)) as StatusMessage;
}

export function adminHandlers(
  control: NodeControl,
  channels: ChannelCredentialsSource,
  clock: Clock,
): AdminHandlers {
  const calls = new ManagerCalls(control, clock);
  return {
    identify: async () => {
      const { state, version, identity, bootId, fingerprints } = control;
      if (state === 'starting') {
        throw starting();
      }
      return await Promise.resolve({
        ...{ state, version, bootId, featureVersionMax: control.featureVersionMax },
        clusterId: identity?.clusterId ?? '',
        nodeId: identity?.nodeId ?? 0,
        storeId: identity?.storeId ?? '',
        certificateFingerprints: [...fingerprints.presented],
        trustedFingerprints: [...fingerprints.trusted],
      });
    },
    ...birthHandlers(control, channels),
    ...joinHandlers(control, channels, clock),
    ...movementHandlers(calls),
    ...nodeHandlers(calls),
    ...settingsHandlers(calls),
    status: async (request) => {
      const status = request.local
        ? localStatus(control)
        : await clusterStatus(control, channels, calls);
      return toMessage(status);
    },
    stop: () => {
      control.stopSoon();
      return Promise.resolve({});
    },
  };
}
