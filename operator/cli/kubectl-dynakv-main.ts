/** `kubectl dynakv` as a program: the real world for `plugin.ts`. No logic of its own. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { realClock } from '../../node/sys/real/clock.ts';
import { realRandom } from '../../node/sys/real/random.ts';
import { realTimers } from '../../node/sys/real/timers.ts';
import { runPlugin } from './plugin.ts';

export async function runMain(commandLine: readonly string[]): Promise<void> {
  const { KUBECONFIG: kubeconfig = '', KUBECTL: kubectl = 'kubectl' } = process.env;
  process.exitCode = await runPlugin(commandLine, {
    version: ownVersion(),
    kubeconfig: kubeconfig === '' ? undefined : kubeconfig,
    ...{ kubectl, timers: realTimers, random: realRandom },
    writeOut: (text) => process.stdout.write(text),
    writeError: (text) => process.stderr.write(text),
    isTerminal: process.stdout.isTTY,
    nowMs: () => realClock.wallMs(),
    pause: async (ms) => await new Promise((resolve) => realTimers.after(ms, () => resolve())),
  });
}

function ownVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
