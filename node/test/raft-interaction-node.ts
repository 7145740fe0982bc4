/**
 * One replica of an interaction trace: core, storage in memory, and a state machine that appends
 * every payload to its content. Every applied entry makes a snapshot that can be sent.
 */
import { confChangeOfEntry } from '../raft/conf-change.ts';
import type { RaftConfig } from '../raft/config.ts';
import { MemoryStorage } from '../raft/memory-storage.ts';
import type { Entry, HardState, Message, Snapshot } from '../raft/messages.ts';
import { RawNode } from '../raft/raw-node.ts';

/** Memory storage that always has a snapshot of the last applied entry. */
class HistoryStorage extends MemoryStorage {
  readonly history: Snapshot[];

  constructor(first: Snapshot) {
    super();
    this.history = [first];
  }

  override snapshot(): Snapshot {
    return this.history.at(-1) as Snapshot;
  }
}

export type NodeOptions = Omit<RaftConfig, 'id' | 'storage' | 'random'>;

export class InteractionNode {
  readonly id: number;
  readonly raw: RawNode;
  readonly storage: HistoryStorage;
  readonly isAsync: boolean;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  appendWork: Message[] = [];
  applyWork: Message[] = [];

  /** Starts from `snapshot`, if its index is not 0. */
  constructor(id: number, options: NodeOptions, snapshot: Snapshot) {
    this.id = id;
    this.storage = new HistoryStorage(snapshot);
    this.isAsync = options.asyncStorageWrites ?? false;
    this.electionTicks = options.electionTicks ?? 0;
    this.heartbeatTicks = options.heartbeatTicks ?? 0;
    if (snapshot.metadata.index > 0) {
      this.storage.applySnapshot(snapshot);
    }
    this.raw = new RawNode({ ...options, id, storage: this.storage, random: () => 0.5 });
  }

  /** Persists; a string is what went wrong. */
  append(
    hardState: HardState | undefined,
    entries: readonly Entry[],
    snapshot: Snapshot | undefined,
  ): string | undefined {
    if (hardState !== undefined) {
      this.storage.setHardState(hardState);
    }
    if (snapshot === undefined || snapshot.metadata.index === 0) {
      this.storage.append(entries);
      return undefined;
    }
    if (entries.length > 0) {
      return "can't apply snapshot and entries at the same time";
    }
    const isNewer = this.storage.applySnapshot(snapshot);
    return isNewer ? undefined : 'requested index is older than the existing snapshot';
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const last = this.storage.snapshot();
      const change = confChangeOfEntry(entry);
      const update = change === undefined ? entry.data : change.context;
      const confState =
        change === undefined ? last.metadata.confState : this.raw.applyConfChange(change);
      this.storage.history.push({
        metadata: { index: entry.index, term: entry.term, confState },
        data: Buffer.concat([last.data, update]),
      });
    }
  }
}
