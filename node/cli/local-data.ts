/**
 * The data folder of a local cluster: `cluster.json` says what was made here, `launcher.json` who
 * runs it now. Nothing is written before every check has passed. A process is recognised by its id
 * and start time, so a reused id is never taken for it.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DynakvError, messageOf } from '../lib/errors.ts';
import { birthMembers, localShardCount } from './local-plan.ts';
import type { LocalMember, LocalOptions } from './local-plan.ts';

const formatVersion = 2;
/** Without a list of members: it has those of its birth. */
const formatWithoutMembers = 1;

export interface LocalCluster {
  readonly format: number;
  /** At birth. */
  readonly nodeCount: number;
  readonly shardCount: number;
  /** At init: the addresses in the catalog come from it. */
  readonly port: number;
  readonly clusterId: string;
  /** Of the cluster, ms since 1970; part of its birth plan. */
  readonly createdAtMs: number;
  readonly initialized: boolean;
  /** All that ever were, those removed included: a place is never used again. */
  readonly members: readonly LocalMember[];
}

export interface ProcessMark {
  readonly pid: number;
  readonly startedAt: string;
}

export interface LauncherRecord {
  readonly launcher: ProcessMark;
  readonly nodes: readonly ProcessMark[];
  /** Peers ports of the nodes that run, host:port. */
  readonly endpoints: readonly string[];
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new DynakvError('ConfigInvalid', `Cannot understand ${path}: it is not JSON`);
  }
}

/** One level at a time: `recursive` does not end where a file system cannot make folders. */
function makeFolder(folder: string): void {
  const missing: string[] = [];
  for (let path = resolve(folder); !existsSync(path); path = dirname(path)) {
    missing.push(path);
  }
  try {
    for (const path of missing.reverse()) {
      mkdirSync(path);
    }
  } catch (error) {
    throw new DynakvError(
      'Refused',
      `Cannot create the data folder ${folder}: ${messageOf(error)}; choose another with DATA=`,
    );
  }
}

function writeJson(folder: string, name: string, value: unknown): void {
  makeFolder(folder);
  const path = join(folder, name);
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { flush: true });
  renameSync(`${path}.new`, path);
}

/** What was made in the folder, if anything. Refuses a folder that this launcher must not touch. */
export function readCluster(options: LocalOptions): LocalCluster | undefined {
  const folder = options.dataFolder;
  const found = readJson(join(folder, 'cluster.json')) as LocalCluster | undefined;
  if (found === undefined) {
    if (listFolder(folder).some((name) => name !== 'launcher.json')) {
      throw new DynakvError(
        'Refused',
        `Cannot use ${folder}: it holds files but no cluster.json; choose another folder with DATA=`,
      );
    }
    return undefined;
  }
  if (found.format !== formatVersion && found.format !== formatWithoutMembers) {
    throw new DynakvError(
      'Refused',
      `Cannot use the data in ${folder}: its format is ${found.format}, ` +
        `this program knows ${formatVersion}`,
    );
  }
  if (found.nodeCount !== options.nodeCount) {
    throw new DynakvError(
      'Refused',
      `Cannot start ${options.nodeCount} nodes on the data in ${folder}: it was made with ` +
        `NODES=${found.nodeCount}; start with that (nodes that were added later come by ` +
        'themselves), or choose another folder with DATA=',
    );
  }
  if (options.shardCount !== undefined && found.shardCount !== options.shardCount) {
    throw new DynakvError(
      'Refused',
      `Cannot start with ${options.shardCount} shards on the data in ${folder}: it was made with ` +
        `${found.shardCount}, which is fixed; leave --shards out, or choose another folder`,
    );
  }
  const members =
    found.format === formatVersion ? found.members : birthMembers(options, found.port);
  return { ...found, format: formatVersion, members };
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') {
      return [];
    }
    throw error;
  }
}

export function newCluster(options: LocalOptions, clusterId: string): LocalCluster {
  const { nodeCount, port } = options;
  const shardCount = options.shardCount ?? localShardCount;
  const createdAtMs = Date.now();
  return {
    format: formatVersion,
    nodeCount,
    shardCount,
    port,
    clusterId,
    createdAtMs,
    initialized: false,
    members: birthMembers(options, port),
  };
}

export function writeCluster(folder: string, cluster: LocalCluster): void {
  writeJson(folder, 'cluster.json', cluster);
}

/** The mark of a process that lives, else undefined. */
export function markProcess(pid: number): ProcessMark | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The fields after the name in parentheses, from the third: state is the first of them.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : { pid, startedAt: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

export function isAlive(mark: ProcessMark): boolean {
  return markProcess(mark.pid)?.startedAt === mark.startedAt;
}

/** Nodes that an earlier launcher left behind. Refuses when that launcher still runs. */
export function findLeftovers(folder: string): readonly ProcessMark[] {
  const record = readJson(join(folder, 'launcher.json')) as LauncherRecord | undefined;
  if (record === undefined) {
    return [];
  }
  if (isAlive(record.launcher)) {
    throw new DynakvError(
      'Refused',
      `Cannot use ${folder}: another launcher runs on it, process ${record.launcher.pid}; ` +
        'stop it, or choose another folder with DATA=',
    );
  }
  return record.nodes.filter(isAlive);
}

/**
 * Peers ports of the nodes that a launcher runs on the folder; undefined when none does. What the
 * folder says of a launcher that is gone counts for nothing.
 */
export function findRunning(folder: string): readonly string[] | undefined {
  const record = readJson(join(folder, 'launcher.json')) as LauncherRecord | undefined;
  return record !== undefined && isAlive(record.launcher) ? record.endpoints : undefined;
}

export function writeLauncher(folder: string, record: LauncherRecord): void {
  writeJson(folder, 'launcher.json', record);
}

export function removeLauncher(folder: string): void {
  rmSync(join(folder, 'launcher.json'), { force: true });
}
