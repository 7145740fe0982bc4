/**
 * What Linux says about processes, read from `/proc`: children, memory, CPU time, and who listens
 * on a port. Reads only; a process that is gone reads as nothing.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** `USER_HZ`: the unit of CPU times in `/proc`, fixed at 100 on Linux. */
const ticksPerSecond = 100;

function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
}

/** The fields of `/proc/PID/stat` after the command, which may hold spaces itself. */
function statFields(pid: number): readonly string[] {
  const text = readProc(`${pid}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

export function isAlive(pid: number): boolean {
  const state = statFields(pid)[0];
  return state !== undefined && state !== '' && state !== 'Z' && state !== 'X';
}

/** The processes that `pid` started, and those that they started. */
export function descendantsOf(pid: number): readonly number[] {
  const found: number[] = [];
  const todo = [pid];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    for (const child of readProc(`${next}/task/${next}/children`).split(' ')) {
      if (child !== '') {
        found.push(Number(child));
        todo.push(Number(child));
      }
    }
  }
  return found;
}

/** Program and arguments. */
export function commandLineOf(pid: number): readonly string[] {
  return readProc(`${pid}/cmdline`).split('\0').slice(0, -1);
}

/** Resident memory, bytes; 0 if the process is gone. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readProc(`${pid}/status`))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** CPU time spent so far by all threads, seconds. */
export function cpuSeconds(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
}

/** The one of `pids` that listens on TCP `port` of this machine, if any. */
export function listenerOf(port: number, pids: readonly number[]): number | undefined {
  const sockets = new Set<string>();
  for (const line of `${readProc('net/tcp')}\n${readProc('net/tcp6')}`.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const isListening = fields[3] === '0A';
    if (isListening && parseInt(fields[1]?.split(':')[1] ?? '', 16) === port) {
      sockets.add(`socket:[${fields[9] ?? ''}]`);
    }
  }
  return pids.find((pid) => openFiles(pid).some((file) => sockets.has(file)));
}

function openFiles(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}
