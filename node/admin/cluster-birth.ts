/**
 * The calls that make a cluster. `Init` is asked of one node: it looks at every member, lets each
 * promise its disk (operator-rules.md O9), and only then hands the plan, which names those stores,
 * to all. Repeating it with the same plan changes nothing, wherever it stopped.
 */
import { DynakvError } from '../lib/errors.ts';
import type { InitRequest, Member } from '../contract/gen/admin_pb.ts';
import { planProblems } from '../manager/bootstrap.ts';
import type { BootstrapPlan } from '../manager/bootstrap.ts';
import type { ChannelCredentialsSource } from '../transport/grpc-channel.ts';
import type { AdminHandlers } from './grpc-admin.ts';
import { callMember } from './member-call.ts';
import type { NodeControl } from './node-control.ts';

/** A member that does not take the plan in this time fails the call; it can be repeated. */
const bootstrapDeadlineMs = 30_000;
/** Who a member is, is answered from memory; a promise is one small file. */
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
      ...(member.storeId === '' ? {} : { storeId: member.storeId }),
    })),
    shardCount: request?.shardCount ?? 0,
    replicationFactor: request?.replicationFactor ?? 0,
    createdAtMs: request?.createdAtMs ?? 0,
    featureVersion: Math.max(1, request?.featureVersion ?? 0),
  };
  const problems = planProblems(plan);
  if (problems.length > 0) {
    throw new DynakvError('ConfigInvalid', `Cannot create the cluster: ${problems.join('; ')}`, {
      reason: 'InvalidPlan',
    });
  }
  return plan;
}

/**
 * The highest feature version that a member knows. Refused: one that cannot be reached, or that
 * belongs to another cluster.
 */
async function checkMember(
  member: Member,
  plan: BootstrapPlan,
  channels: ChannelCredentialsSource,
): Promise<number> {
  const options = { channels, deadlineMs: identifyDeadlineMs };
  return await callMember(member, options, async (client) => {
    const { state, clusterId, nodeId, featureVersionMax } = await client.identify();
    const isOwn = clusterId === plan.clusterId && nodeId === member.nodeId;
    if (state !== 'empty' && !isOwn) {
      const message = `It is node ${nodeId} of cluster "${clusterId}" already`;
      throw new DynakvError('WrongCluster', message, { reason: 'AlreadyMember' });
    }
    return featureVersionMax;
  });
}

/** The member with the store that it promises; one that was named already must be that one. */
async function reserveMember(
  member: Member,
  plan: BootstrapPlan,
  channels: ChannelCredentialsSource,
): Promise<Member> {
  const options = { channels, deadlineMs: identifyDeadlineMs };
  return await callMember(member, options, async (client) => {
    const { nodeId } = member;
    const { storeId } = await client.reserve({ clusterId: plan.clusterId, nodeId });
    if (member.storeId !== '' && member.storeId !== storeId) {
      const message = `The plan is for store "${member.storeId}", it has "${storeId}"`;
      throw new DynakvError('WrongCluster', message, { reason: 'OtherStore' });
    }
    return { ...member, storeId };
  });
}

async function tellMember(
  member: Member,
  plan: InitRequest,
  channels: ChannelCredentialsSource,
): Promise<void> {
  await callMember(member, { channels, deadlineMs: bootstrapDeadlineMs }, async (client) => {
    await client.bootstrap({ plan, nodeId: member.nodeId });
  });
}

export function birthHandlers(
  control: NodeControl,
  channels: ChannelCredentialsSource,
): AdminHandlers {
  return {
    reserve: async (request) => {
      if (request.clusterId === '' || request.nodeId === 0) {
        const message = 'Cannot promise the disk: a cluster id and a node id must be given';
        throw new DynakvError('ConfigInvalid', message, { reason: 'InvalidPlan' });
      }
      return await control.reserve(request);
    },
    init: async (request) => {
      const plan = planOf(request);
      // Nobody is told anything before everybody could be.
      const known = await Promise.all(
        request.members.map((member) => checkMember(member, plan, channels)),
      );
      const featureVersion = request.featureVersion || Math.min(...known);
      const members = await Promise.all(
        request.members.map((member) => reserveMember(member, plan, channels)),
      );
      const complete: InitRequest = { ...request, members, featureVersion };
      await Promise.all(members.map((member) => tellMember(member, complete, channels)));
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
  };
}
