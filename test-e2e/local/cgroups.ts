/**
 * Cgroups of the local cluster, on version 1 (one hierarchy a controller) and version 2. Everything
 * that the cluster starts, containers included, is below `dynakv-e2e`, so that nothing of it can
 * outlive a clean-up, whatever was interrupted.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cgroupName } from './places.ts';

const mountPoint = '/sys/fs/cgroup';
/**
 * Weight of the whole cluster beside the other work of the machine: it is two dozen processes. With
 * the weight of one (1024 shares, a `cpu.weight` of 100) pods starve on a busy machine, and every
 * time limit of Kubernetes and of the database is wrong.
 */
const cpuWeight = { 'cpu.shares': '10240', 'cpu.weight': '1000' } as const;

/** The group of the components themselves; each node has one of its own name beside it. */
export const hostGroup = 'host';

const isVersion2 = (): boolean => existsSync(join(mountPoint, 'cgroup.controllers'));

/** Roots of all hierarchies: one, or one a controller. */
function hierarchies(): readonly string[] {
  if (isVersion2()) {
    return [mountPoint];
  }
  return readdirSync(mountPoint)
    .map((name) => join(mountPoint, name))
    .filter((path) => statSync(path).isDirectory() && existsSync(join(path, 'cgroup.procs')));
}

/** The hierarchy that sees every process: version 2's own, or that of `pids`. */
function trackingRoot(): string {
  return join(isVersion2() ? mountPoint : join(mountPoint, 'pids'), cgroupName);
}

/** Makes the groups that kubelets expect to find, and the one of the components. */
export function makeCgroups(nodes: readonly string[]): void {
  for (const hierarchy of hierarchies()) {
    for (const name of [hostGroup, ...nodes]) {
      mkdirSync(join(hierarchy, cgroupName, name), { recursive: true });
    }
    for (const folder of [hierarchy, join(hierarchy, cgroupName)]) {
      delegateControllers(folder);
    }
    inheritCpus(join(hierarchy, cgroupName));
    weigh(join(hierarchy, cgroupName));
  }
}

function weigh(folder: string): void {
  for (const [name, weight] of Object.entries(cpuWeight)) {
    const file = join(folder, name);
    if (existsSync(file)) {
      writeFileSync(file, weight);
    }
  }
}

/** Version 2: children may use all controllers of the parent. */
function delegateControllers(folder: string): void {
  const file = join(folder, 'cgroup.controllers');
  if (existsSync(file)) {
    const all = readFileSync(file, 'utf8').trim().split(/\s+/);
    const wanted = all.filter((name) => name !== '').map((name) => `+${name}`);
    writeFileSync(join(folder, 'cgroup.subtree_control'), wanted.join(' '));
  }
}

/** Version 1: a new cpuset group has neither processors nor memory until it is told. */
function inheritCpus(folder: string): void {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const above = join(folder, '..', name);
    if (!isVersion2() && existsSync(above)) {
      const value = readFileSync(above, 'utf8').trim();
      for (const group of [folder, ...childrenOf(folder)]) {
        writeFileSync(join(group, name), value);
      }
    }
  }
}

/** Where a process writes its pid to become a component of the cluster. */
export function hostProcsFile(): string {
  return join(trackingRoot(), hostGroup, 'cgroup.procs');
}

/** Pids of everything in the groups of the cluster, or of one of its nodes. */
export function pidsInside(node?: string): readonly number[] {
  const root = node === undefined ? trackingRoot() : join(trackingRoot(), node);
  return existsSync(root) ? walk(root).flatMap(pidsOf) : [];
}

function pidsOf(folder: string): readonly number[] {
  try {
    const text = readFileSync(join(folder, 'cgroup.procs'), 'utf8');
    return text.split('\n').filter(Boolean).map(Number);
  } catch {
    // Removed meanwhile.
    return [];
  }
}

/** Removes the groups, innermost first; their processes must have ended. */
export function removeCgroups(): void {
  for (const hierarchy of hierarchies()) {
    const root = join(hierarchy, cgroupName);
    if (existsSync(root)) {
      for (const folder of walk(root).toReversed()) {
        rmdirSync(folder);
      }
    }
  }
}

/** The folder and all below it, outer before inner. */
function walk(folder: string): readonly string[] {
  return [folder, ...childrenOf(folder).flatMap(walk)];
}

function childrenOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(folder, entry.name));
  } catch {
    return [];
  }
}
