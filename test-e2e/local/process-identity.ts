/**
 * Which process a pid means. A pid is reused; together with the time at which the process started
 * (field 22 of /proc/<pid>/stat, in clock ticks since boot) it is not.
 */
import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
}

/** Fields of a process from the third on, its state; undefined if there is no such process. */
function fieldsOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in brackets and may hold anything, brackets too.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** The process that has this pid now; undefined if there is none, or only its remains. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const fields = fieldsOf(pid) ?? [];
  const [state, startTicks] = [fields[0], fields[19]];
  return startTicks === undefined || state === 'Z' || state === 'X'
    ? undefined
    : { pid, startTicks };
}

/** Whether it is this process, or one that has started it, directly or not. */
export function isOwnOrAbove(identity: ProcessIdentity): boolean {
  let pid = process.pid;
  while (pid > 0 && pid !== identity.pid) {
    pid = Number(fieldsOf(pid)?.[1] ?? '0');
  }
  return pid === identity.pid && isAlive(identity);
}

/** True while that very process runs (or is stopped). */
export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTicks === identity.startTicks;
}

/** Sends a signal to that very process; false if it is no more. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) {
    return false;
  }
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}

export function ownIdentity(): ProcessIdentity {
  const own = identifyProcess(process.pid);
  if (own === undefined) {
    throw new Error('Cannot read /proc: it takes Linux with /proc mounted');
  }
  return own;
}
