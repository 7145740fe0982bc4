/**
 * The calls by which a node joins a cluster that exists: `JoinCluster` is asked of the empty node,
 * which promises its disk and asks a member by `Join` for an id. The member lets the system group
 * decide, and says where everybody is. Each may be repeated: the same store gets the same id.
 */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { DynakvError } from '../lib/errors.ts';
import type { JoinRequestSchema, JoinResponse } from '../contract/gen/admin_pb.ts';
import type { JoinSeed } from '../manager/join-seed.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type { JoinReply } from '../manager/node-commands.ts';
import type { Clock } from '../sys/clock.ts';
import type { ChannelCredentialsSource } from '../transport/grpc-channel.ts';
import { AdminClient } from './grpc-admin-client.ts';
import type { AdminHandlers } from './grpc-admin.ts';
import type { NodeControl } from './node-control.ts';

/** One member's answer, a change of the system group's leader included. */
const joinDeadlineMs = 5_000;
/** Members asked at most: one that answers is enough. */
const addressesMax = 16;

function memberOf({ core }: NodeControl): NodeCore {
  if (core === undefined) {
    throw new DynakvError('Refused', 'This node belongs to no cluster yet', {
      reason: 'NotInitialized',
    });
  }
  return core;
}

function seedOf(response: JoinResponse): JoinSeed {
  return {
    nodeId: response.nodeId,
    clusterId: response.clusterId,
    systemReplicaId: response.systemReplicaId,
    members: response.members.map(({ nodeId, address, storeId }) => ({
      nodeId,
      address,
      ...(storeId === '' ? {} : { storeId }),
    })),
    systemReplicas: response.systemReplicas.map(({ replicaId, nodeId }) => ({ replicaId, nodeId })),
  };
}

/** The first answer of a member; else the last failure, as all say about the same. */
async function askMembers(
  addresses: readonly string[],
  request: MessageInitShape<typeof JoinRequestSchema>,
  channels: ChannelCredentialsSource,
): Promise<JoinResponse> {
  let failure: unknown = new DynakvError('ConfigInvalid', 'Cannot join: no address is given', {
    reason: 'InvalidPlan',
  });
  for (const address of addresses.slice(0, addressesMax)) {
    const client = new AdminClient({ address, channels, deadlineMs: joinDeadlineMs });
    try {
      return await client.join(request);
    } catch (error) {
      failure = error;
    } finally {
      client.close();
    }
  }
  throw failure;
}

export function joinHandlers(
  control: NodeControl,
  channels: ChannelCredentialsSource,
  clock: Clock,
): AdminHandlers {
  return {
    joinCluster: async ({ addresses, clusterId, member }) => {
      if (member === undefined || member.address === '') {
        const message = 'Cannot join: say how this node is reached';
        throw new DynakvError('ConfigInvalid', message, { reason: 'InvalidPlan' });
      }
      const { identity, state } = control;
      const isMember = state === 'member' && identity !== undefined;
      const promised = isMember ? identity.clusterId : clusterId;
      const { storeId } = await control.reserve({ clusterId: promised, nodeId: 0 });
      const { featureVersionMax } = control;
      const request = { clusterId: promised, member, storeId, featureVersionMax };
      const seed = seedOf(await askMembers(addresses, request, channels));
      await control.join(seed);
      return { clusterId: seed.clusterId, nodeId: seed.nodeId };
    },
    join: async (request) => {
      const core = memberOf(control);
      const { cluster } = core.catalog;
      if (request.clusterId !== '' && request.clusterId !== cluster.clusterId) {
        const message = `Cannot join "${request.clusterId}": this is cluster "${cluster.clusterId}"`;
        throw new DynakvError('WrongCluster', message, { reason: 'WrongCluster' });
      }
      if (request.member === undefined || request.storeId === '') {
        const message = 'Cannot join: a member and its store must be given';
        throw new DynakvError('ConfigInvalid', message, { reason: 'InvalidPlan' });
      }
      const { address, clientAddress, opsAddress, zone } = request.member;
      const place = { address, clientAddress, opsAddress, ...(zone === '' ? {} : { zone }) };
      const { storeId, featureVersionMax } = request;
      const deadlineMs = clock.monotonicMs() + joinDeadlineMs;
      const command = { op: 'join', storeId, featureVersionMax, ...place } as const;
      const reply = (await core.router.system(command, deadlineMs)) as JoinReply;
      const { nodeId, clusterId, systemReplicaId, createdAtMs, featureVersion } = reply;
      return {
        ...{ nodeId, clusterId, systemReplicaId, createdAtMs, featureVersion },
        members: core.catalog.members.map((node) => ({
          nodeId: node.nodeId,
          address: core.parts.options.peerOverrides.get(node.nodeId) ?? node.address,
          zone: node.zone ?? '',
          storeId: node.storeId ?? '',
        })),
        systemReplicas: [...core.catalog.systemReplicas],
      };
    },
  };
}
