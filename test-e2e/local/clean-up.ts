/**
 * Removes whatever the local cluster has started, mounted or changed, by its journal and its
 * cgroups, whether it was stopped in order or interrupted anywhere. Running it twice, or without a
 * cluster, changes nothing. Nothing is found by a name that others may use.
 */
import {
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { run, tryRun } from '../lib/command.ts';
import { until } from '../lib/waiting.ts';
import { pidsInside, removeCgroups } from './cgroups.ts';
import { endProcess } from './components.ts';
import { closeNetwork, removeAddress } from './host-network.ts';
import { latestProcesses, readJournal } from './journal.ts';
import type { JournalRecord } from './journal.ts';
import { dataFolder, journalFile, runFolder } from './places.ts';

/** From SIGKILL to the end of the last process: writing a core, closing a disk. */
const killMsMax = 20_000;
/** The order in which components are told to end: kubelets first, or they start pods again. */
const stopOrder = ['kubelet', 'provisioner', 'coredns', 'kube-', 'containerd', 'etcd'];

const namespacesFolder = '/run/netns';
/** Where every kubelet of a host leaves links to the logs of its containers. */
const logLinksFolder = '/var/log/containers';

/** Removes everything; the journal goes last, so that an interruption can be repeated. */
export async function cleanUp(): Promise<void> {
  const records = readJournal();
  await endComponents(records);
  await killLeftovers();
  await unmountBelow([dataFolder, runFolder]);
  await removeNetworkNamespaces(records);
  await restoreNetwork(records);
  removeCgroups();
  removeLogLinks();
  rmSync(dataFolder, { recursive: true, force: true });
  for (const name of existsSync(runFolder) ? readdirSync(runFolder) : []) {
    if (join(runFolder, name) !== journalFile) {
      rmSync(join(runFolder, name), { recursive: true, force: true });
    }
  }
  rmSync(runFolder, { recursive: true, force: true });
}

async function endComponents(records: readonly JournalRecord[]): Promise<void> {
  const running = [...latestProcesses(records).values()];
  const rank = (name: string): number => stopOrder.findIndex((prefix) => name.startsWith(prefix));
  for (const prefix of stopOrder.keys()) {
    const group = running.filter(({ component }) => rank(component.name) === prefix);
    await Promise.all(group.map(async ({ process }) => await endProcess(process)));
  }
}

/** Kills what is left in the cluster's cgroups: containers, their shims, half-started components. */
async function killLeftovers(): Promise<void> {
  await until('the processes of the local cluster to end', killMsMax, () => {
    const pids = pidsInside();
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    return pids.length === 0 ? true : undefined;
  });
}

/** Mount points below the folders, innermost first. */
export function mountsBelow(mountInfo: string, folders: readonly string[]): readonly string[] {
  return mountInfo
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((path) => path.replaceAll(/\\(\d{3})/g, (_, code: string) => octal(code)))
    .filter((path) => folders.some((folder) => path.startsWith(`${folder}/`)))
    .reverse();
}

const octal = (code: string): string => String.fromCharCode(Number.parseInt(code, 8));

async function unmountBelow(folders: readonly string[]): Promise<void> {
  for (const path of mountsBelow(readFileSync('/proc/self/mountinfo', 'utf8'), folders)) {
    // Lazily, as a killed container may hold it a moment longer; loop devices go with the mount.
    await tryRun('umount', ['--lazy', path]);
  }
  const left = mountsBelow(readFileSync('/proc/self/mountinfo', 'utf8'), folders);
  if (left.length > 0) {
    throw new Error(`Cannot unmount what the local cluster has mounted: ${left.join(' ')}`);
  }
}

/** Network namespaces of pods; their devices and routes go with them. */
export function listNetworkNamespaces(): readonly string[] {
  return existsSync(namespacesFolder)
    ? readdirSync(namespacesFolder).filter((name) => name.startsWith('cni-'))
    : [];
}

async function removeNetworkNamespaces(records: readonly JournalRecord[]): Promise<void> {
  const before = records.findLast((record) => record.kind === 'namespaces')?.before;
  for (const name of before === undefined ? [] : listNetworkNamespaces()) {
    if (before?.includes(name) !== true) {
      await run('ip', ['netns', 'delete', name]);
    }
  }
}

async function restoreNetwork(records: readonly JournalRecord[]): Promise<void> {
  const before = records.findLast((record) => record.kind === 'chains')?.before;
  if (before !== undefined) {
    await closeNetwork(before);
  }
  for (const record of records) {
    if (record.kind === 'address') {
      await removeAddress(record.address);
    } else if (record.kind === 'sysctl') {
      writeFileSync(record.file, `${record.before}\n`);
    }
  }
}

function removeLogLinks(): void {
  const names = existsSync(logLinksFolder) ? readdirSync(logLinksFolder) : [];
  for (const path of names.map((name) => join(logLinksFolder, name))) {
    if (lstatSync(path).isSymbolicLink() && readlinkSync(path).startsWith(`${dataFolder}/`)) {
      unlinkSync(path);
    }
  }
}
