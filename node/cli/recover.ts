/**
 * `dynakv recover`: the way out of a lost majority, offline, at the price of data (protocols.md
 * P19). It looks at the disks that are left, says what it would do, asks twice, and leaves an audit
 * file on each disk. Disks on other machines come as reports (`--report`): the same reports give
 * the same plan, so each machine carries out its part.
 *
 * Invariant: `recovery.json` lies on a disk from before the first change until after the last; no
 * node starts on it meanwhile, and another run goes on with the plan in it.
 */
import { DynakvError } from '../lib/errors.ts';
import { planRecovery } from '../manager/recovery-plan.ts';
import type { DiskReport, RecoveryPlan } from '../manager/recovery-plan.ts';
import { inspectDisk, recoverDisk } from '../manager/recovery-store.ts';
import type { JoinSeed } from '../manager/join-seed.ts';
import { systemGroupId } from '../shards/groups.ts';
import { DataFolder } from '../storage/data-folder.ts';
import type { Identity } from '../storage/data-folder.ts';
import { readNote, removeNote, writeNote } from '../storage/folder-note.ts';
import type { NodeOptions } from '../config/options.ts';
import { openNodeStore, recoveryNoteName, writeJoinNote } from './node-store.ts';
import type { NodeStore } from './node-store.ts';
import type { NodeWorld } from './node-world.ts';

const confirmation = 'give up data';

export interface RecoverOptions {
  /** Data folders on this machine. */
  readonly data: readonly string[];
  readonly lost: readonly number[];
  /** Contents of report files of the other disks. */
  readonly reports: readonly string[];
  /** Only say what the disks hold. */
  readonly reportOnly: boolean;
  readonly unsafe: boolean;
  readonly createEmpty: boolean;
}

export interface RecoverParts {
  readonly world: NodeWorld;
  /** The options that a node on the folder would have. */
  optionsOf(data: string): NodeOptions;
  ask(question: string): Promise<string>;
  write(text: string): void;
}

interface OpenDisk {
  readonly folder: DataFolder;
  readonly identity: Identity;
  readonly store: NodeStore;
}

interface RecoveryNote {
  readonly plan: RecoveryPlan;
  readonly startedAt: string;
}

async function openDisk(data: string, parts: RecoverParts): Promise<OpenDisk> {
  const { world } = parts;
  const folder = await DataFolder.open({ disk: world.disk, lock: world.lock, path: data });
  try {
    const { identity, removal } = folder;
    if (identity === undefined || removal !== undefined) {
      const why = removal === undefined ? 'belongs to no cluster' : 'was removed from its cluster';
      throw new DynakvError('Refused', `Cannot recover from "${data}": it ${why}`);
    }
    const options = parts.optionsOf(data);
    const store = await openNodeStore(world, options, folder, () => undefined, 'recovery');
    return { folder, identity, store };
  } catch (error) {
    await folder.close();
    throw error;
  }
}

async function closeDisk({ folder, store }: OpenDisk): Promise<void> {
  await store.log.close();
  await store.engine.close();
  await folder.close();
}

async function noteOf(disk: OpenDisk, world: NodeWorld): Promise<RecoveryNote | undefined> {
  const note = await readNote(world.disk, disk.folder.path, recoveryNoteName);
  return note as RecoveryNote | undefined;
}

/** The plan that was begun on one of these disks, if any was. */
async function begunPlan(
  disks: readonly OpenDisk[],
  world: NodeWorld,
): Promise<RecoveryPlan | undefined> {
  let begun: RecoveryPlan | undefined;
  for (const disk of disks) {
    const plan = (await noteOf(disk, world))?.plan;
    if (
      plan !== undefined &&
      begun !== undefined &&
      JSON.stringify(plan) !== JSON.stringify(begun)
    ) {
      throw new DynakvError('Refused', 'Cannot go on: two plans were begun on these disks');
    }
    begun ??= plan;
  }
  return begun;
}

function describePlan(plan: RecoveryPlan): string {
  const shards = plan.groups.filter(({ groupId }) => groupId !== systemGroupId);
  const lines = [
    `cluster    ${plan.clusterId}`,
    `lost       ${plan.lost.map((nodeId) => `n${nodeId}`).join(', ')}: tombstoned for good`,
    `left       ${plan.survivors.map((nodeId) => `n${nodeId}`).join(', ')}`,
    `kept       ${plan.kept.length} shards have their majority and go on as they are`,
    `recovered  ${shards.length} shards go on from one copy; what it lacks is gone:`,
  ];
  for (const { groupId, nodeId, fromReplicaId } of shards) {
    const how = fromReplicaId === 0 ? 'begins EMPTY, all its rows are gone' : 'from its copy';
    lines.push(`             shard ${groupId - 1} on n${nodeId}, ${how}`);
  }
  return `${lines.join('\n')}\n`;
}

async function confirm(plan: RecoveryPlan, parts: RecoverParts): Promise<void> {
  const cluster = await parts.ask(`Type the cluster's id to go on: `);
  if (cluster.trim() !== plan.clusterId) {
    throw new DynakvError('Refused', 'Nothing was changed: that is not the id of the cluster');
  }
  const sure = await parts.ask(
    `Acknowledged writes may be lost for good. Type "${confirmation}" to go on: `,
  );
  if (sure.trim() !== confirmation) {
    throw new DynakvError('Refused', 'Nothing was changed');
  }
}

/** Where the others find the one copy of the system group. */
export function seedOf(plan: RecoveryPlan, nodeId: number): JoinSeed | undefined {
  const learner = plan.systemLearners.find((each) => each.nodeId === nodeId);
  const system = plan.groups.find(({ groupId }) => groupId === systemGroupId);
  if (learner === undefined || system === undefined) {
    return undefined;
  }
  return {
    nodeId,
    clusterId: plan.clusterId,
    systemReplicaId: learner.replicaId,
    members: plan.members,
    systemReplicas: [
      { nodeId: system.nodeId, replicaId: system.replicaId },
      ...plan.systemLearners,
    ],
  };
}

async function carryOut(plan: RecoveryPlan, disk: OpenDisk, parts: RecoverParts): Promise<void> {
  const { world } = parts;
  const { folder, identity, store } = disk;
  const startedAt =
    (await noteOf(disk, world))?.startedAt ?? new Date(world.clock.wallMs()).toISOString();
  const note: RecoveryNote = { plan, startedAt };
  await writeNote(world.disk, folder.path, recoveryNoteName, note);
  const seed = seedOf(plan, identity.nodeId);
  if (seed !== undefined) {
    await writeJoinNote(world, folder, seed);
  }
  await recoverDisk(plan, identity.nodeId, store);
  const endedAt = new Date(world.clock.wallMs()).toISOString();
  const audit = `recovery-${startedAt.replaceAll(/[:.]/g, '-')}.json`;
  await writeNote(world.disk, folder.path, audit, { ...note, endedAt });
  await removeNote(world.disk, folder.path, recoveryNoteName);
  parts.write(`n${identity.nodeId}: recovered; audit: ${folder.path}/${audit}\n`);
}

/** Resolves to the exit code; throws refusals. */
export async function runRecover(options: RecoverOptions, parts: RecoverParts): Promise<number> {
  const disks: OpenDisk[] = [];
  try {
    for (const data of options.data) {
      disks.push(await openDisk(data, parts));
    }
    if (disks.length === 0) {
      throw new DynakvError('ConfigInvalid', 'Cannot recover: give a data folder with --data');
    }
    return await recover(options, disks, parts);
  } finally {
    for (const disk of disks) {
      await closeDisk(disk);
    }
  }
}

async function recover(
  options: RecoverOptions,
  disks: readonly OpenDisk[],
  parts: RecoverParts,
): Promise<number> {
  const begun = await begunPlan(disks, parts.world);
  if (begun === undefined) {
    const own: DiskReport[] = [];
    for (const { identity, store } of disks) {
      own.push(await inspectDisk(identity, store));
    }
    if (options.reportOnly) {
      parts.write(`${JSON.stringify(own)}\n`);
      return 0;
    }
    const others = options.reports.flatMap((text) => JSON.parse(text) as DiskReport[]);
    const { lost, createEmpty } = options;
    return await execute(
      planRecovery({ reports: [...own, ...others], lost, createEmpty }),
      options,
      disks,
      parts,
    );
  }
  if (options.reportOnly) {
    throw new DynakvError('Refused', 'Cannot report: a recovery was begun on this disk; end it');
  }
  parts.write('A recovery was begun on these disks and cut short: it goes on.\n');
  return await execute(begun, options, disks, parts);
}

async function execute(
  plan: RecoveryPlan,
  options: RecoverOptions,
  disks: readonly OpenDisk[],
  parts: RecoverParts,
): Promise<number> {
  parts.write(describePlan(plan));
  const strangers = disks.filter(({ identity }) => !plan.survivors.includes(identity.nodeId));
  if (strangers.length > 0) {
    const names = strangers.map(({ identity }) => `n${identity.nodeId}`).join(', ');
    throw new DynakvError('Refused', `Cannot go on: the plan has no ${names}`);
  }
  if (!options.unsafe) {
    parts.write('Nothing was changed. Say --unsafe to carry it out.\n');
    return 0;
  }
  await confirm(plan, parts);
  for (const disk of disks) {
    await carryOut(plan, disk, parts);
  }
  return 0;
}
