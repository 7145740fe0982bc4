/** What a process of this host has used, from `/proc`: CPU time since its start, memory now. */
import { readFileSync } from 'node:fs';

export interface ProcessUsage {
  readonly cpuSeconds: number;
  /** Resident, 10^6 bytes. */
  readonly megabytes: number;
}

/** Of Linux on all machines that Node runs on, in `/proc/<pid>/stat`. */
const ticksPerSecond = 100;

export function processUsage(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in brackets and may hold blanks: counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    cpuSeconds: ticks / ticksPerSecond,
    megabytes: (Number(resident ?? Number.NaN) * 1_024) / 1e6,
  };
}
