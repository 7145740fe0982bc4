/**
 * For tests: random workloads of valid records, and a dumb model of what they leave: plain arrays,
 * everything copied at each step. The log must agree with the model after every restart.
 */
import type { Prng } from '../../lib/prng.ts';
import type { ConfState, Entry, HardState, SnapshotMetadata } from '../../raft/messages.ts';
import type { LogBatchBuilder } from './batch-builder.ts';
import type { RaftLog } from './raft-log.ts';

export interface ModelGroup {
  replicaId: number;
  hardState: HardState;
  snapshotMetadata: SnapshotMetadata;
  entries: Entry[];
  watermark: number;
}

export type Model = Map<number, ModelGroup>;

/** Fills a batch; the same step can be given to any log. */
export type Step = (batch: LogBatchBuilder) => void;

export interface Workload {
  readonly steps: readonly Step[];
  /** `states[k]` = the model, as text, after k steps. */
  readonly states: readonly string[];
}

export function confStateOf(voters: readonly number[]): ConfState {
  return { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
}

export const birthMetadata: SnapshotMetadata = { index: 0, term: 0, confState: confStateOf([1]) };
export const birthState: HardState = { term: 0, vote: 0, commit: 0 };

export function entryOf(index: number, term: number, data: Buffer): Entry {
  return { index, term, type: 0, data };
}

/** Groups as text, in the order of their ids; entries by index, term and bytes. */
export function describeGroups(groups: ReadonlyMap<number, Readonly<ModelGroup>>): string {
  const lines = [...groups]
    .sort(([a], [b]) => a - b)
    .map(([groupId, group]) => {
      const { replicaId, hardState, snapshotMetadata, watermark } = group;
      const { index, term, confState } = snapshotMetadata;
      const entries = group.entries.map(
        (entry) => `${entry.index}/${entry.term}/${entry.type}:${entry.data.toString('base64')}`,
      );
      const state = [hardState.term, hardState.vote, hardState.commit, index, term, watermark];
      return `${groupId} ${replicaId} ${state.join(',')} ${confState.voters.join('+')} ${entries.join(' ')}`;
    });
  return lines.join('\n');
}

export function describeLog(log: RaftLog): string {
  return describeGroups(log.groups);
}

interface GeneratorOptions {
  readonly stepCount: number;
  readonly groupCount: number;
  readonly entryBytesMax: number;
  /** Group 1 gets a few entries at the start and then sleeps: it pins old segments. */
  readonly idleGroup: boolean;
}

class Generator {
  readonly #random: Prng;
  readonly #options: GeneratorOptions;
  readonly #model: Model = new Map();
  readonly #replicaIds = new Map<number, number>();

  constructor(random: Prng, options: GeneratorOptions) {
    this.#random = random;
    this.#options = options;
  }

  workload(): Workload {
    const steps: Step[] = [];
    const states = [''];
    for (let i = 0; i < this.#options.stepCount; i++) {
      const records: Step[] = [];
      const count = 1 + this.#random.below(3);
      for (let k = 0; k < count; k++) {
        records.push(...this.#records(i));
      }
      steps.push((batch) => {
        for (const record of records) {
          record(batch);
        }
      });
      states.push(describeGroups(this.#model));
    }
    return { steps, states };
  }

  #records(step: number): Step[] {
    const { groupCount, idleGroup } = this.#options;
    const first = idleGroup && step >= 3 ? 2 : 1;
    const groupId = first + this.#random.below(groupCount + 1 - first);
    const group = this.#model.get(groupId);
    if (group === undefined) {
      return [this.#create(groupId)];
    }
    const dice = this.#random.below(20);
    if (dice === 0) {
      return [this.#remove(groupId, group)];
    }
    if (dice === 1) {
      return [this.#snapshot(groupId, group)];
    }
    if (dice < 7 && group.entries.length > 0) {
      return this.#compact(groupId, group);
    }
    return dice < 9 ? [this.#vote(groupId, group)] : [this.#append(groupId, group)];
  }

  #create(groupId: number): Step {
    const replicaId = (this.#replicaIds.get(groupId) ?? 0) + 1;
    this.#replicaIds.set(groupId, replicaId);
    this.#model.set(groupId, {
      replicaId,
      hardState: birthState,
      snapshotMetadata: birthMetadata,
      entries: [],
      watermark: 0,
    });
    return (batch) => batch.createGroup(groupId, replicaId, birthMetadata, birthState);
  }

  #remove(groupId: number, { replicaId }: ModelGroup): Step {
    this.#model.delete(groupId);
    return (batch) => batch.removeGroup(groupId, replicaId);
  }

  #snapshot(groupId: number, group: ModelGroup): Step {
    const { replicaId } = group;
    const last = group.entries.at(-1)?.index ?? group.snapshotMetadata.index;
    const index = last + this.#random.below(3);
    const confState = confStateOf([1, 2]);
    const metadata = { index, term: group.hardState.term + 1, confState };
    group.snapshotMetadata = metadata;
    group.entries = [];
    group.watermark = index;
    group.hardState = { ...group.hardState, term: metadata.term };
    const { hardState } = group;
    return (batch) =>
      batch.snapshot(groupId, replicaId, metadata).hardState(groupId, replicaId, hardState);
  }

  #compact(groupId: number, group: ModelGroup): Step[] {
    const { replicaId } = group;
    const { index, term } = this.#random.pick(group.entries);
    const watermark = Math.max(group.watermark, index);
    const confState = confStateOf([1, 2, 3]);
    group.watermark = watermark;
    group.snapshotMetadata = { index, term, confState };
    group.entries = group.entries.filter((entry) => entry.index > index);
    return [
      (batch) =>
        batch
          .watermark(groupId, replicaId, watermark)
          .compact(groupId, replicaId, index, term, confState),
    ];
  }

  #vote(groupId: number, group: ModelGroup): Step {
    const { replicaId } = group;
    const hardState = { term: group.hardState.term + 1, vote: replicaId, commit: 0 };
    group.hardState = hardState;
    return (batch) => batch.hardState(groupId, replicaId, hardState);
  }

  /** Usually at the end; sometimes a suffix is replaced under a new term. */
  #append(groupId: number, group: ModelGroup): Step {
    const { replicaId } = group;
    const base = group.snapshotMetadata.index;
    const replace = group.entries.length > 0 && this.#random.chance(0.2);
    const kept = replace ? this.#random.below(group.entries.length) : group.entries.length;
    const term = replace ? group.hardState.term + 1 : group.hardState.term;
    group.hardState = { ...group.hardState, term };
    const { hardState } = group;
    const entries: Entry[] = [];
    const count = 1 + this.#random.below(3);
    for (let i = 0; i < count; i++) {
      const data = this.#random.bytes(this.#random.below(this.#options.entryBytesMax));
      entries.push(entryOf(base + kept + 1 + i, term, data));
    }
    group.entries = [...group.entries.slice(0, kept), ...entries];
    return (batch) =>
      batch.entries(groupId, replicaId, entries).hardState(groupId, replicaId, hardState);
  }
}

export function randomWorkload(random: Prng, options: GeneratorOptions): Workload {
  return new Generator(random, options).workload();
}
