/**
 * What a node does for each call of the admin service. `Init` is asked of one node, which hands
 * the same plan to every member; repeating any of them with the same plan changes nothing.
 */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { StatusView } from '../contract/status-types.ts';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import type { InitRequest, Member, StatusResponseSchema } from '../contract/gen/admin_pb.ts';
import { planProblems } from '../manager/bootstrap.ts';
import type { BootstrapPlan } from '../manager/bootstrap.ts';
import type { ChannelCredentialsSource } from '../transport/grpc-channel.ts';
import type { Clock } from '../sys/clock.ts';
import type { AdminHandlers } from './grpc-admin.ts';
import { AdminClient } from './grpc-admin-client.ts';
import type { NodeControl } from './node-control.ts';
import { clusterStatus, localStatus } from './status.ts';

/** A member that does not take the plan in this time fails the call; it can be repeated. */
const bootstrapDeadlineMs = 30_000;
const joinDeadlineMs = 5_000;
/** Who a member is, is answered from memory. */
const identifyDeadlineMs = 5_000;

function planOf(request: InitRequest | undefined): BootstrapPlan {
  const plan: BootstrapPlan = {
    clusterId: request?.clusterId ?? '',
    members: (request?.members ?? []).map((member) => ({
      nodeId: member.nodeId,
      address: member.address,
      clientAddress: member.clientAddress,
      opsAddress: member.opsAddress,
      ...(member.zone === '' ? {} : { zone: member.zone }),
    })),
    shardCount: request?.shardCount ?? 0,
    replicationFactor: request?.replicationFactor ?? 0,
    createdAtMs: request?.createdAtMs ?? 0,
  };
  const problems = planProblems(plan);
  if (problems.length > 0) {
    throw new DynakvError('ConfigInvalid', `Cannot create the cluster: ${problems.join('; ')}`, {
      reason: 'InvalidPlan',
    });
  }
  return plan;
}

async function tellMember(
  member: Member,
  plan: InitRequest,
  channels: ChannelCredentialsSource,
): Promise<void> {
  const client = new AdminClient({
    address: member.address,
    channels,
    deadlineMs: bootstrapDeadlineMs,
  });
  try {
    await client.bootstrap({ plan, nodeId: member.nodeId });
  } catch (error) {
    const where = `Cannot create the cluster: node ${member.nodeId} at ${member.address}`;
    throw memberFailed(where, member, error);
  } finally {
    client.close();
  }
}

/** Refuses a member that cannot be reached, or that belongs to another cluster. */
async function checkMember(
  member: Member,
  plan: BootstrapPlan,
  channels: ChannelCredentialsSource,
): Promise<void> {
  const client = new AdminClient({
    address: member.address,
    channels,
    deadlineMs: identifyDeadlineMs,
  });
  const where = `Cannot create the cluster: node ${member.nodeId} at ${member.address}`;
  try {
    const { state, clusterId, nodeId } = await client.identify();
    const isOwn = clusterId === plan.clusterId && nodeId === member.nodeId;
    if (state !== 'empty' && !isOwn) {
      throw new DynakvError(
        'WrongCluster',
        `It is node ${nodeId} of cluster "${clusterId}" already`,
        { reason: 'AlreadyMember' },
      );
    }
  } catch (error) {
    throw memberFailed(where, member, error);
  } finally {
    client.close();
  }
}

/** A member's own refusal keeps its reason; anything else may be tried again. */
function memberFailed(where: string, member: Member, error: unknown): DynakvError {
  const isTaken = isDynakvError(error) && error.facts['reason'] === 'AlreadyMember';
  return new DynakvError(
    isTaken ? 'WrongCluster' : 'Unavailable',
    `${where}: ${messageOf(error)}`,
    { reason: isTaken ? 'AlreadyMember' : 'MemberFailed', node: member.nodeId },
    error,
  );
}

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
  return {
    identify: async () => {
      const { state, version, identity } = control;
      if (state === 'starting') {
        throw starting();
      }
      return await Promise.resolve({ state, version, ...identity });
    },
    init: async (request) => {
      const plan = planOf(request);
      // Nobody is told anything before everybody could be.
      await Promise.all(request.members.map((member) => checkMember(member, plan, channels)));
      await Promise.all(request.members.map((member) => tellMember(member, request, channels)));
      return {};
    },
    bootstrap: async (request) => {
      const plan = planOf(request.plan);
      if (!plan.members.some((member) => member.nodeId === request.nodeId)) {
        throw new DynakvError('Refused', `The plan has no node ${request.nodeId}`, {
          reason: 'NotAMember',
        });
      }
      return { created: await control.bootstrap(plan, request.nodeId) };
    },
    join: async (request) => {
      const { core } = control;
      if (core === undefined || request.member === undefined) {
        throw new DynakvError('Refused', 'This node belongs to no cluster yet', {
          reason: 'NotInitialized',
        });
      }
      if (request.clusterId !== '' && request.clusterId !== core.catalog.cluster.clusterId) {
        throw new DynakvError('WrongCluster', `This is ${core.catalog.cluster.clusterId}`, {
          reason: 'WrongCluster',
        });
      }
      const { address, clientAddress, opsAddress, zone } = request.member;
      const reply = await core.router.system(
        { op: 'join', address, clientAddress, opsAddress, zone },
        clock.monotonicMs() + joinDeadlineMs,
      );
      return { nodeId: (reply as { nodeId: number }).nodeId };
    },
    status: async (request) => {
      const status = request.local ? localStatus(control) : await clusterStatus(control, channels);
      return toMessage(status);
    },
    stop: () => {
      control.stopSoon();
      return Promise.resolve({});
    },
  };
}
