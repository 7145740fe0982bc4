/** The calls that move a node through its states, and say how that goes. */
import type { ChangeReply, DrainReply } from '../manager/admin-requests.ts';
import { DynakvError } from '../lib/errors.ts';
import type { AdminHandlers } from './grpc-admin.ts';
import { fenceOf } from './manager-calls.ts';
import type { ManagerCalls } from './manager-calls.ts';
import { refusalMessage } from './movement.ts';

const ownerDefault = 'person';
const holderCharactersMax = 200;

function wantedState(state: string): 'active' | 'draining' {
  if (state !== 'active' && state !== 'draining') {
    throw new DynakvError('Refused', `"state" must be "active" or "draining": "${state}"`, {
      reason: 'WrongState',
    });
  }
  return state;
}

export function nodeHandlers(calls: ManagerCalls): AdminHandlers {
  return {
    acquireControl: async ({ holder }) => {
      if (holder === '' || holder.length > holderCharactersMax) {
        const message = `"holder" must have 1 … ${holderCharactersMax} characters`;
        throw new DynakvError('ConfigInvalid', message, { reason: 'InvalidHolder' });
      }
      return await calls.command<{ readonly controlEpoch: number }>({
        op: 'acquireControl',
        holder,
      });
    },
    setNodeState: async ({ fence, nodeId, state, owner }) =>
      await calls.change<ChangeReply>({
        verb: 'change',
        command: {
          ...{ op: 'setNodeState', fence: fenceOf(fence), nodeId },
          ...{ state: wantedState(state), owner: owner === '' ? ownerDefault : owner },
        },
      }),
    getDrainProgress: async ({ nodeId }) => {
      const reply = await calls.read<DrainReply>({ verb: 'drain', nodeId });
      const { drain, blockedBy, ...rest } = reply;
      return {
        ...rest,
        startedAtMs: drain?.startedAtMs ?? 0,
        lastProgressAtMs: drain?.lastProgressAtMs ?? 0,
        owner: drain?.owner ?? '',
        blockedBy: blockedBy.map(refusalMessage),
      };
    },
    removeNode: async ({ fence, nodeId }) =>
      await calls.change<ChangeReply>({
        verb: 'change',
        command: { op: 'removeNode', fence: fenceOf(fence), nodeId },
      }),
    evictLeaders: async ({ fence, nodeId, evict }) =>
      await calls.change<ChangeReply>({
        verb: 'change',
        command: { op: 'evictLeaders', fence: fenceOf(fence), nodeId, evict },
      }),
    setMaintenance: async ({ fence, nodeId, durationMs }) =>
      await calls.change<ChangeReply>({
        verb: 'change',
        command: { op: 'maintenance', fence: fenceOf(fence), nodeId, durationMs },
      }),
  };
}
