/**
 * `dynakv local`: a whole cluster on this machine, one real process a node. It checks everything
 * before it touches anything, starts the nodes, creates the cluster on the first start, waits until
 * writes work through every node, says so, and looks after the nodes until it is told to stop;
 * meanwhile it takes commands through a socket in its data folder (`control-socket.ts`).
 * It is not needed for correctness: nodes outlive nothing but its orders.
 */
import { DynakvError, messageOf } from '../lib/errors.ts';
import { secondMs } from '../lib/units.ts';
import { ControlSocket } from './control-socket.ts';
import { pause, pollMs } from './launcher-world.ts';
import type { LauncherWorld } from './launcher-world.ts';
import { LocalChanges } from './local-changes.ts';
import type { LocalCluster, ProcessMark } from './local-data.ts';
import { findLeftovers, isAlive, newCluster, readCluster } from './local-data.ts';
import { Launcher } from './local-launcher.ts';
import type { LocalOptions } from './local-plan.ts';
import { checkLocalOptions, nodePorts, planNodes } from './local-plan.ts';
import { findBusyPort } from './port-probe.ts';

/** Longer than a node takes to stop in order. */
const leftoverMsMax = 15 * secondMs;

/** Runs the cluster until `world.stop`; resolves to the exit code. */
export async function runLocal(options: LocalOptions, world: LauncherWorld): Promise<number> {
  checkLocalOptions(options);
  const cluster = await checkStart(options, world);
  const launcher = new Launcher(options, world, cluster);
  const changes = new LocalChanges(launcher);
  let socket: ControlSocket | undefined;
  try {
    await launcher.start();
    socket = await openSocket(options.dataFolder, changes, world);
    changes.resume();
    launcher.greet();
    await launcher.watch();
    return world.stop.aborted ? 0 : 1;
  } finally {
    await socket?.close();
    await launcher.stop();
  }
}

/** A cluster serves without the socket too, which cannot be made in a folder with a long path. */
async function openSocket(
  dataFolder: string,
  changes: LocalChanges,
  world: LauncherWorld,
): Promise<ControlSocket | undefined> {
  try {
    return await ControlSocket.open(dataFolder, async (request, say) => {
      return await changes.run(request, say);
    });
  } catch (error) {
    world.write(`No commands such as add-node: ${messageOf(error)}\n`);
    return undefined;
  }
}

/** Every reason not to start, before anything is written. */
async function checkStart(options: LocalOptions, world: LauncherWorld): Promise<LocalCluster> {
  const known = readCluster(options);
  const leftovers = findLeftovers(options.dataFolder);
  if (leftovers.length > 0) {
    world.write('Waiting for the nodes of an earlier run to end …\n');
    await endLeftovers(leftovers);
  }
  const cluster = known ?? newCluster(options, world.newId());
  const ports = planNodes(options, cluster.members).flatMap(nodePorts);
  const busy = await findBusyPort('127.0.0.1', ports);
  if (busy !== undefined) {
    throw new DynakvError(
      'Refused',
      `Cannot use port ${busy}: another process holds it; stop that one, or move all ports with ` +
        'PORT= (clients at PORT, peers at PORT-1000, operations at PORT+1100)',
    );
  }
  return cluster;
}

async function endLeftovers(leftovers: readonly ProcessMark[]): Promise<void> {
  for (const mark of leftovers) {
    if (isAlive(mark)) {
      process.kill(mark.pid, 'SIGTERM');
      process.kill(mark.pid, 'SIGCONT');
    }
  }
  const giveUpMs = performance.now() + leftoverMsMax;
  while (leftovers.some(isAlive)) {
    if (performance.now() > giveUpMs) {
      const pids = leftovers.filter(isAlive).map((mark) => mark.pid);
      throw new DynakvError(
        'Refused',
        `Cannot start: nodes of an earlier run do not end: process ${pids.join(', ')}`,
      );
    }
    await pause(pollMs);
  }
}
