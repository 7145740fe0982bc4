/**
 * A planned stop: every group that this node leads moves its leadership to the live follower that
 * is furthest (`host/transfer.ts`), so that a stop causes no unknown outcomes. Afterwards the node
 * lingers: a command already on its way here is refused (surely not done) instead of lost with
 * the connection. Each group goes once: when all nodes stop together, it would go round and round.
 */
import type { Group } from '../host/group.ts';
import type { Host } from '../host/host.ts';
import { Transfer, transferTarget } from '../host/transfer.ts';

/** The whole hand-over; whoever waits longer than this fails over as after a crash. */
const handOverMsMax = 3_000;
/** Time for every node to hear of the new leaders, and for commands on their way to arrive. */
const lingerMs = 150;
const pollMs = 5;

/** Resolves when no group has been led here for a while, or the time is over. */
export async function handOver(host: Host): Promise<void> {
  const { timers, clock } = host.parts;
  const deadlineMs = clock.monotonicMs() + handOverMsMax;
  const seen = new Set<Group>();
  let transfers: Transfer[] = [];
  let quietSinceMs = clock.monotonicMs();
  while (clock.monotonicMs() < deadlineMs && host.failure === undefined) {
    for (const group of host.groups.values()) {
      // Nobody to hand over to: a cluster of one, or all others down.
      const target = group.isLeader && !seen.has(group) ? transferTarget(host, group) : undefined;
      if (target !== undefined) {
        seen.add(group);
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
    } else if (seen.size === 0 || nowMs - quietSinceMs >= lingerMs) {
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
