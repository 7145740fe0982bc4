/**
 * A planned stop: every group that this node leads moves its leadership to the live follower that
 * is furthest (`host/transfer.ts`), of those that may lead if there is one, so that a stop causes
 * no unknown outcomes. Afterwards the node
 * lingers: a command already on its way here is refused (surely not done) instead of lost with
 * the connection. A group that comes back goes again, a few times: whoever gave it back did not
 * know.
 */
import type { Group } from '../host/group.ts';
import type { Host } from '../host/host.ts';
import { Transfer, transferTarget } from '../host/transfer.ts';
import type { ReplicaId } from '../raft/messages.ts';
import type { NodeId } from '../sys/network.ts';

/** The whole hand-over; whoever waits longer than this fails over as after a crash. */
const handOverMsMax = 3_000;
/** Time for every node to hear of the new leaders, and for commands on their way to arrive. */
const lingerMs = 150;
/** Of one group. */
const handOversMax = 3;
const pollMs = 5;

/** Resolves when no group has been led here for a while, or the time is over. */
export async function handOver(host: Host, mayLead: (nodeId: NodeId) => boolean): Promise<void> {
  const { timers, clock } = host.parts;
  const deadlineMs = clock.monotonicMs() + handOverMsMax;
  const handed = new Map<Group, number>();
  let transfers: Transfer[] = [];
  let quietSinceMs = clock.monotonicMs();
  while (clock.monotonicMs() < deadlineMs && host.failure === undefined) {
    for (const group of host.groups.values()) {
      // Nobody to hand over to: a cluster of one, or all others down.
      const times = handed.get(group) ?? 0;
      const isUnderWay = transfers.some((transfer) => transfer.group === group);
      const isDue = group.isLeader && !isUnderWay && times < handOversMax;
      const target = isDue ? successor(host, group, mayLead) : undefined;
      if (target !== undefined) {
        handed.set(group, times + 1);
        transfers.push(new Transfer(host, group, target));
      }
    }
    transfers = transfers.filter((transfer) => {
      const state = transfer.step();
      return state === 'draining' || state === 'asked';
    });
    const nowMs = clock.monotonicMs();
    if (transfers.length > 0) {
      quietSinceMs = nowMs;
    } else if (handed.size === 0 || nowMs - quietSinceMs >= lingerMs) {
      break;
    }
    await new Promise<void>((resolve) => {
      timers.after(pollMs, resolve);
    });
  }
  // Whatever is led here by now must not start new work: the process ends.
  for (const group of host.groups.values()) {
    group.transferring = true;
  }
}

/** Who is to be spared leads rather than nobody. */
function successor(
  host: Host,
  group: Group,
  mayLead: (nodeId: NodeId) => boolean,
): ReplicaId | undefined {
  const isFit = (replicaId: ReplicaId): boolean => {
    const nodeId = group.nodes.get(replicaId);
    return nodeId !== undefined && mayLead(nodeId);
  };
  return transferTarget(host, group, isFit) ?? transferTarget(host, group);
}
