/**
 * Components of the cluster as background processes: each in the cluster's cgroup, its output in a
 * file, its pid in the journal. They outlive the program that starts them.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { until } from '../lib/waiting.ts';
import { hostProcsFile } from './cgroups.ts';
import { latestProcesses, note, readJournal } from './journal.ts';
import type { Component } from './journal.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { identifyProcess, isAlive, signalProcess } from './process-identity.ts';

/** Enters the cgroup ($0), then becomes the program: the pid stays the same. */
const enterAndExec = 'echo $$ >"$0" && exec "$@"';

/** A component that is told to end has this long before it is killed. */
const stopMsMax = 5_000;

/** Starts it and notes it. */
export function startComponent(component: Component): ProcessIdentity {
  mkdirSync(dirname(component.logFile), { recursive: true });
  const log = openSync(component.logFile, 'a');
  try {
    const child = spawn(
      'sh',
      ['-c', enterAndExec, hostProcsFile(), component.program, ...component.args],
      {
        detached: true,
        stdio: ['ignore', log, log],
        cwd: '/',
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: process.env['HOME'] ?? '/',
          ...component.env,
        },
      },
    );
    // Its absence shows in the wait for its first answer.
    child.on('error', () => undefined);
    child.unref();
    const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
    if (identity === undefined) {
      throw new Error(`Cannot start ${component.name}: see ${component.logFile}`);
    }
    note({ kind: 'process', component, process: identity });
    return identity;
  } finally {
    closeSync(log);
  }
}

/** The component as it was last started; throws if the journal knows none of that name. */
export function findComponent(name: string): { component: Component; process: ProcessIdentity } {
  const found = latestProcesses(readJournal()).get(name);
  if (found === undefined) {
    throw new Error(`Cannot find component ${name}: the journal of the local cluster has none`);
  }
  return found;
}

/** Waits for a component's first good answer; an early end is told at once. */
export async function waitForComponent(
  name: string,
  timeoutMs: number,
  answers: () => Promise<boolean>,
): Promise<void> {
  const { component, process } = findComponent(name);
  const ended = `${name} has ended by itself: see ${component.logFile}`;
  await until(`${name} to answer (see ${component.logFile})`, timeoutMs, async () => {
    if (!isAlive(process)) {
      return ended;
    }
    return (await answers()) ? 'ready' : undefined;
  }).then((outcome) => {
    if (outcome === ended) {
      throw new Error(ended);
    }
  });
}

/** Ends a process: told first, killed when it does not listen. */
export async function endProcess(identity: ProcessIdentity): Promise<void> {
  signalProcess(identity, 'SIGTERM');
  // A stopped process would not hear it.
  signalProcess(identity, 'SIGCONT');
  const gone = (): true | undefined => (isAlive(identity) ? undefined : true);
  try {
    await until(`process ${identity.pid} to end`, stopMsMax, gone);
  } catch {
    signalProcess(identity, 'SIGKILL');
    await until(`process ${identity.pid} to be gone`, stopMsMax, gone);
  }
}
