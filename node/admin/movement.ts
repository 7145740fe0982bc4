/** The calls about movement: what would move, what moves, and how people start and stop it. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  MoveSchema,
  PlanRequest,
  RebalanceStatusSchema,
  RefusalSchema,
} from '../contract/gen/admin_pb.ts';
import type {
  ChangeReply,
  MoveReply,
  PlanReply,
  RebalanceReply,
  RefusalReply,
} from '../manager/admin-requests.ts';
import type { AdminHandlers } from './grpc-admin.ts';
import { fenceOf } from './manager-calls.ts';
import type { ManagerCalls } from './manager-calls.ts';

const movesShownMax = 1_000;

export function refusalMessage(refusal: RefusalReply): MessageInitShape<typeof RefusalSchema> {
  return { ...refusal, groupIds: [...refusal.groupIds] };
}

function moveMessage(move: MoveReply): MessageInitShape<typeof MoveSchema> {
  const { from, to, ...rest } = move;
  return { ...rest, fromNodeIds: [...from], toNodeIds: [...to] };
}

export function rebalanceMessage(
  status: RebalanceReply,
): MessageInitShape<typeof RebalanceStatusSchema> {
  const { mode, state, planId, revision, startedAtMs, lastProgressAtMs } = status;
  const { movesTotal, movesDone, movesRunning, movesFailed } = status;
  const { bytesTotal, bytesDone, rate, etaSeconds } = status;
  return {
    ...{ mode, state, revision, startedAtMs, lastProgressAtMs },
    ...{ movesTotal, movesDone, movesRunning, movesFailed },
    ...{ bytesTotal, bytesDone, rate, etaSeconds },
    planId: planId === 0 ? '' : String(planId),
    blockedBy: status.blockedBy.map(refusalMessage),
    underReplicatedShards: status.underReplicated,
    leaderlessShards: status.leaderless,
  };
}

function assumptions({ add, drainNodeIds, zones }: PlanRequest): {
  readonly add: readonly { readonly zone?: string; readonly weight?: number }[];
  readonly drain: readonly number[];
  readonly zones: readonly { readonly nodeId: number; readonly zone: string }[];
} {
  return {
    add: add.map(({ zone, weight }) => ({
      ...(zone === '' ? {} : { zone }),
      ...(weight === 0 ? {} : { weight }),
    })),
    drain: [...drainNodeIds],
    zones: zones.map(({ nodeId, zone }) => ({ nodeId, zone })),
  };
}

export function movementHandlers(calls: ManagerCalls): AdminHandlers {
  return {
    plan: async (request) => {
      const reply = await calls.read<PlanReply>({ verb: 'plan', ...assumptions(request) });
      return {
        ...reply,
        moves: reply.moves.map(moveMessage),
        refusals: reply.refusals.map(refusalMessage),
      };
    },
    getRebalance: async () => {
      const reply = await calls.read<RebalanceReply>({
        verb: 'rebalance',
        movesMax: movesShownMax,
      });
      return { status: rebalanceMessage(reply), moves: reply.moves.map(moveMessage) };
    },
    startRebalance: async ({ fence }) =>
      await calls.change<ChangeReply>({
        verb: 'change',
        command: { op: 'startPlan', fence: fenceOf(fence) },
      }),
    pauseRebalance: async ({ fence }) =>
      await calls.change<ChangeReply>({
        verb: 'change',
        command: { op: 'pausePlan', fence: fenceOf(fence) },
      }),
    cancelRebalance: async ({ fence }) =>
      await calls.change<ChangeReply>({
        verb: 'change',
        command: { op: 'cancelPlan', fence: fenceOf(fence) },
      }),
    moveReplica: async ({ fence, groupId, fromNodeId, toNodeId }) =>
      await calls.change<ChangeReply>({
        ...{ verb: 'moveReplica', fence: fenceOf(fence), groupId },
        ...{ from: fromNodeId, to: toNodeId },
      }),
    transferLeader: async ({ fence, groupId, toNodeId }) =>
      await calls.change<ChangeReply>({
        ...{ verb: 'transferLeader', fence: fenceOf(fence), groupId, to: toNodeId },
      }),
  };
}
