/**
 * What is known of one Raft group from all its replicas together, and may never be contradicted:
 * who led which term, what an entry (index, term) holds, which entry is committed at an index,
 * what applying them makes, how its configurations follow each other (Raft paper, figure 3), and
 * that no replica whose id was taken back is a member (protocols.md P16).
 *
 * Everything is recorded by the first replica that shows it and compared with every other.
 */
import { crc32 } from '../../lib/crc32.ts';
import { hasId, withId } from '../../lib/id-ranges.ts';
import type { IdRanges } from '../../lib/id-ranges.ts';
import { systemGroupId } from '../../shards/groups.ts';
import type { ConfState, Entry, ReplicaId } from '../../raft/messages.ts';
import { RowModel } from './row-model.ts';
import { Violation, demand } from './violation.ts';

/** Terms of a run stay below this: (index, term) is one number. */
const termLimit = 2 ** 20;

interface KnownEntry {
  readonly hash: number;
  readonly previousTerm: number;
}

/** A log as the check of a new leader reads it. */
export interface LogView {
  lastIndex(): number;
  firstIndex(): number;
  term(index: number): unknown;
}

function sameIds(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}

function sameConfiguration(one: ConfState, other: ConfState): boolean {
  return (
    sameIds(one.voters, other.voters) &&
    sameIds(one.votersOutgoing, other.votersOutgoing) &&
    sameIds(one.learners, other.learners)
  );
}

/** Any majority of one meets any majority of the other. */
function quorumsOverlap(one: ConfState, other: ConfState): boolean {
  if (other.votersOutgoing.length > 0) {
    return sameIds(other.votersOutgoing, one.voters) || sameIds(other.voters, one.voters);
  }
  if (one.votersOutgoing.length > 0) {
    return sameIds(other.voters, one.voters);
  }
  const added = other.voters.filter((id) => !one.voters.includes(id)).length;
  const removed = one.voters.filter((id) => !other.voters.includes(id)).length;
  return added + removed <= 1;
}

export class GroupTruth {
  readonly groupId: number;
  readonly rows: RowModel;
  readonly #leaders = new Map<number, ReplicaId>();
  readonly #entries = new Map<number, KnownEntry>();
  /** Log index → term of the committed entry, and the term in which that was first seen. */
  readonly #committed: number[] = [];
  readonly #committedIn: number[] = [];
  /** Log index → hash of all entries up to it, in the order of applying. */
  readonly #chain: number[] = [];
  readonly #configurations = new Map<number, ConfState>();
  /** The newest configuration that any replica applied. */
  #newest: { readonly index: number; readonly state: ConfState } | undefined;
  /** Replica ids that the catalog has taken back. */
  #takenBack: IdRanges = [];

  constructor(groupId: number) {
    this.groupId = groupId;
    this.rows = new RowModel(groupId);
  }

  get committedMax(): number {
    return this.#committed.length - 1;
  }

  /** Where all replicas start from. */
  begin(index: number, term: number): void {
    this.#committed[index] = term;
    this.#committedIn[index] = term;
    this.#chain[index] = 0;
  }

  /** Election safety, and leader completeness: it has all that was committed in earlier terms. */
  leads(replicaId: ReplicaId, term: number, log: LogView): void {
    const known = this.#leaders.get(term);
    demand(known === undefined || known === replicaId, 'election-safety', () => {
      return `Group ${this.groupId}: ${known} and ${replicaId} both lead term ${term}`;
    });
    this.#leaders.set(term, replicaId);
    let index = this.committedMax;
    while (index > 0 && (this.#committedIn[index] ?? 0) >= term) {
      index -= 1;
    }
    const isThere =
      index < log.firstIndex() || log.term(index) === (this.#committed[index] ?? log.term(index));
    demand(index <= log.lastIndex() && isThere, 'leader-completeness', () => {
      return (
        `Group ${this.groupId}: replica ${replicaId} leads term ${term} without entry ${index} ` +
        `of term ${this.#committed[index]}, which is committed; its log ends at ${log.lastIndex()}`
      );
    });
  }

  /** Log matching: equal (index, term) means equal entries, and equal predecessors. */
  holds(replicaId: ReplicaId, { index, term, type, data }: Entry, previousTerm: number): void {
    demand(term < termLimit, 'bounds', () => `Term ${term} is beyond what a run reaches`);
    const hash = crc32(data, type);
    const key = index * termLimit + term;
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#entries.set(key, { hash, previousTerm });
      return;
    }
    const isSame = known.hash === hash && known.previousTerm === previousTerm;
    demand(isSame, 'log-matching', () => {
      return (
        `Group ${this.groupId}: replica ${replicaId} has another entry ${index} of term ${term}: ` +
        `hash ${hash} after term ${previousTerm}, known ${known.hash} after ${known.previousTerm}`
      );
    });
  }

  /** State machine safety: one entry is committed at an index, ever. */
  commits(replicaId: ReplicaId, index: number, entryTerm: number, seenIn: number): void {
    const known = this.#committed[index];
    if (known === undefined) {
      this.#committed[index] = entryTerm;
      this.#committedIn[index] = Math.max(seenIn, this.#committedIn[index - 1] ?? 0);
      return;
    }
    demand(known === entryTerm, 'state-machine-safety', () => {
      return (
        `Group ${this.groupId}: replica ${replicaId} commits entry ${index} of term ` +
        `${entryTerm}, committed is the one of term ${known}`
      );
    });
  }

  /** Equal state machines at equal index. `data` is decoded by the first to apply only. */
  applies(replicaId: ReplicaId, index: number, term: number, data: Buffer): void {
    const before = this.#chain[index - 1];
    const entry = this.#entries.get(index * termLimit + term);
    if (before === undefined || entry === undefined) {
      const message = `Group ${this.groupId}: replica ${replicaId} applies unknown entry ${index}`;
      throw new Violation('apply-order', message);
    }
    demand(this.#committed[index] === term, 'state-machine-safety', () => {
      return (
        `Group ${this.groupId}: replica ${replicaId} applies entry ${index} of term ${term}, ` +
        `committed is term ${this.#committed[index]}`
      );
    });
    const after = mix(before, term, entry.hash);
    const known = this.#chain[index];
    if (known === undefined) {
      this.#chain[index] = after;
      this.rows.apply(index, data);
      return;
    }
    demand(known === after, 'state-hash', () => {
      return `Group ${this.groupId}: replica ${replicaId} differs after entry ${index}`;
    });
  }

  /** A state that came as a whole (restart, snapshot) must be one that was reached by entries. */
  isReached(index: number): boolean {
    return this.#chain[index] !== undefined;
  }

  /** `before` undefined: the change before is not known. */
  configured(index: number, state: ConfState, before: ConfState | undefined): void {
    const known = this.#configurations.get(index);
    demand(known === undefined || sameConfiguration(known, state), 'configuration', () => {
      return `Group ${this.groupId}: two configurations of entry ${index}`;
    });
    this.#configurations.set(index, state);
    demand(before === undefined || quorumsOverlap(before, state), 'quorum-overlap', () => {
      return (
        `Group ${this.groupId}: the voters ${JSON.stringify(state)} of entry ${index} can decide ` +
        `without those before, ${JSON.stringify(before)}`
      );
    });
    if (index > (this.#newest?.index ?? -1)) {
      this.#newest = { index, state };
      this.#checkMembers();
    }
  }

  /** By some node's catalog, which may be an old one. */
  takenBack(ids: IdRanges): void {
    const before = this.#takenBack;
    for (const [first, last] of ids) {
      for (let id = first; id <= last; id++) {
        this.#takenBack = withId(this.#takenBack, id);
      }
    }
    if (this.#takenBack !== before) {
      this.#checkMembers();
    }
  }

  #checkMembers(): void {
    if (this.groupId === systemGroupId || this.#newest === undefined) {
      return; // A node that was removed is a learner there for a moment longer.
    }
    const { voters, votersOutgoing, learners } = this.#newest.state;
    const wrong = [...voters, ...votersOutgoing, ...learners].find((id) =>
      hasId(this.#takenBack, id),
    );
    demand(wrong === undefined, 'member-taken-back', () => {
      return `Group ${this.groupId}: replica ${wrong ?? 0} was taken back, and is a member`;
    });
  }
}

function mix(hash: number, term: number, entryHash: number): number {
  return (Math.imul(hash ^ entryHash, 0x9e3779b1) + term) >>> 0;
}
