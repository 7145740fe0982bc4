/**
 * A planned stop: every group that this node leads moves its leadership to the live follower that
 * is furthest (`host/transfer.ts`), so that a stop causes no unknown outcomes.
 */
import type { Host } from '../host/host.ts';
import { Transfer, transferTarget } from '../host/transfer.ts';

/** The whole hand-over; whoever waits longer than this fails over as after a crash. */
const handOverMsMax = 3_000;
const pollMs = 5;

/** Resolves when no group is led here any more, or the time is over. */
export async function handOver(host: Host): Promise<void> {
  const { timers, clock } = host.parts;
  const deadlineMs = clock.monotonicMs() + handOverMsMax;
  let transfers: Transfer[] = [];
  for (const group of host.groups.values()) {
    // Nobody to hand over to: a cluster of one, or all others down.
    const target = group.isLeader ? transferTarget(host, group) : undefined;
    if (target !== undefined) {
      transfers.push(new Transfer(host, group, target));
    }
  }
  while (transfers.length > 0 && clock.monotonicMs() < deadlineMs && host.failure === undefined) {
    transfers = transfers.filter((transfer) => {
      const state = transfer.step();
      return state === 'draining' || state === 'asked';
    });
    await new Promise<void>((resolve) => {
      timers.after(pollMs, resolve);
    });
  }
  // Whatever is led here by now must not start new work: the process ends.
  for (const group of host.groups.values()) {
    group.transferring = true;
  }
}
