/**
 * A planned stop (design §3.3): every group that this node leads stops admitting, lets its work
 * commit, and moves its leadership to the follower that is furthest; the rest happens by itself
 * when the process is gone.
 */
import type { Group } from '../host/group.ts';
import type { Host } from '../host/host.ts';

/** The whole hand-over; whoever waits longer than this fails over as after a crash. */
const handOverMsMax = 3_000;
const pollMs = 5;

function pickTarget(host: Host, group: Group): number | undefined {
  let best: { id: number; match: number } | undefined;
  for (const { id, match, isLearner, recentActive } of group.raw.raft.tracker.members) {
    const nodeId = group.nodes.get(id);
    const fit =
      id !== group.replicaId &&
      !isLearner &&
      recentActive &&
      nodeId !== undefined &&
      host.liveness.isLive(nodeId);
    if (fit && (best === undefined || match > best.match)) {
      best = { id, match };
    }
  }
  return best?.id;
}

/** Resolves when no group is led here any more, or the time is over. */
export async function handOver(host: Host): Promise<void> {
  const { timers, clock } = host.parts;
  const deadlineMs = clock.monotonicMs() + handOverMsMax;
  const asked = new Set<Group>();
  const pending = new Set([...host.groups.values()].filter((group) => group.isLeader));
  for (const group of pending) {
    group.transferring = true;
    group.wake();
  }
  while (pending.size > 0 && clock.monotonicMs() < deadlineMs && host.failure === undefined) {
    for (const group of pending) {
      if (!group.isLeader || group.stoppedBecause !== undefined) {
        pending.delete(group);
      } else if (group.settlement.count === 0 && !asked.has(group)) {
        asked.add(group);
        const target = pickTarget(host, group);
        if (target === undefined) {
          pending.delete(group); // Nobody to hand over to: a cluster of one, or all others down.
        } else {
          group.raw.transferLeader(target);
          host.dirty(group);
        }
      }
    }
    await new Promise<void>((resolve) => {
      timers.after(pollMs, resolve);
    });
  }
}
