/**
 * Looks at a node's replicas after every step of it and compares what has changed since with what
 * all replicas together have shown (`group-truth.ts`): election safety, log matching, leader
 * completeness, committed entries, order and result of applying, configurations, and across
 * restarts that no durable vote or entry was forgotten. What leaves a node is looked at too: a
 * promise must be durable first.
 *
 * Invariant: an untouched replica costs a few comparisons, whatever it holds.
 */
import type { Group } from '../../host/group.ts';
import { must } from '../../lib/assert.ts';
import type { IdRanges } from '../../lib/id-ranges.ts';
import { readMessages } from '../../host/raft-codec.ts';
import type { NodeCore } from '../../manager/node-core.ts';
import { EntryType, MessageType } from '../../raft/messages.ts';
import type { ConfState, ReplicaId } from '../../raft/messages.ts';
import { FrameKind } from '../../sys/network.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';
import { GroupTruth } from './group-truth.ts';
import { memoryProblem } from './row-memory.ts';
import { demand } from './violation.ts';

const noBytes = Buffer.alloc(0);

/** A replica as it was after its last step. */
interface Shadow {
  readonly group: Group;
  term: number;
  vote: ReplicaId;
  leads: boolean;
  /** Term of each entry of the log, by index. */
  readonly terms: number[];
  last: number;
  lastTerm: number;
  commit: number;
  applied: number;
  generation: number;
  configurationIndex: number;
  configuration: ConfState;
  /** Ids that were taken back, by the node's catalog. */
  takenBack: IdRanges;
  /** Of the log on disk. */
  stableTerm: number;
  stableVote: ReplicaId;
  stableLast: number;
  stableLastTerm: number;
}

export class StepChecks {
  readonly #cluster: SimCluster;
  readonly #truths = new Map<number, GroupTruth>();
  /** By node, then by group. */
  readonly #shadows: Shadow[][] = [];
  readonly #acknowledged: (readonly [number, number])[] = [];

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /** From now on every step of every node is looked at. */
  watch(): void {
    this.#cluster.scheduler.observer = (nodeId) => {
      if (nodeId !== 0) {
        this.look(nodeId);
      }
    };
    this.#cluster.network.onLaunch = (from, kind, bytes) => {
      if (kind === FrameKind.raft) {
        this.#leaves(from, bytes);
      }
    };
    for (const nodeId of this.#cluster.nodeIds) {
      this.look(nodeId);
    }
  }

  truth(groupId: number): GroupTruth {
    let truth = this.#truths.get(groupId);
    if (truth === undefined) {
      truth = new GroupTruth(groupId);
      this.#truths.set(groupId, truth);
    }
    return truth;
  }

  /** A client was told that its write is at `index` of the group's log. */
  acknowledged(groupId: number, index: number): void {
    this.#acknowledged.push([groupId, index]);
  }

  /** Looked at when the step that brought the answer is over. */
  #checkAcknowledged(): void {
    for (const [groupId, index] of this.#acknowledged.splice(0)) {
      demand(this.truth(groupId).isReached(index), 'acknowledged', () => {
        return `Group ${groupId}: entry ${index} was acknowledged and is not applied`;
      });
    }
  }

  look(nodeId: NodeId): void {
    const core = this.#cluster.core(nodeId);
    if (core === undefined) {
      return;
    }
    const shadows = (this.#shadows[nodeId] ??= []);
    for (const group of core.host.groups.values()) {
      const shadow = shadows[group.groupId];
      if (shadow?.group === group) {
        this.#follow(nodeId, group, shadow);
      } else {
        this.#remember(group, shadow);
        shadows[group.groupId] = this.#meet(nodeId, group);
      }
      this.#followCatalog(core, must(shadows[group.groupId]));
    }
    if (this.#acknowledged.length > 0) {
      this.#checkAcknowledged();
    }
  }

  #followCatalog({ catalog }: NodeCore, shadow: Shadow): void {
    const { groupId } = shadow.group;
    const takenBack = catalog.groups.get(groupId)?.removed ?? shadow.takenBack;
    if (takenBack !== shadow.takenBack) {
      shadow.takenBack = takenBack;
      this.truth(groupId).takenBack(takenBack);
    }
  }

  /** The node's disks are put back to an older copy: it is known to have forgotten. */
  excuse(nodeId: NodeId): void {
    this.#shadows[nodeId] = [];
  }

  /** A new life of a replica must know what the last one had on disk. */
  #remember(group: Group, before: Shadow | undefined): void {
    if (before?.group.replicaId !== group.replicaId) {
      return;
    }
    const { hardState } = group.storage;
    const hasVote =
      hardState.term > before.stableTerm ||
      (hardState.term === before.stableTerm &&
        (before.stableVote === 0 || hardState.vote === before.stableVote));
    demand(hasVote, 'vote-forgotten', () => {
      return (
        `Group ${group.groupId}, replica ${group.replicaId}: restarted in term ` +
        `${hardState.term} with vote ${hardState.vote}, durable were term ${before.stableTerm} ` +
        `and vote ${before.stableVote}`
      );
    });
    const last = group.storage.lastIndex();
    const lastTerm = termOf(group.storage, last);
    const hasEntries =
      lastTerm > before.stableLastTerm ||
      (lastTerm === before.stableLastTerm && last >= before.stableLast);
    demand(hasEntries, 'entries-forgotten', () => {
      return (
        `Group ${group.groupId}, replica ${group.replicaId}: restarted with a log that ends at ` +
        `${last} of term ${lastTerm}, durable was ${before.stableLast} of ${before.stableLastTerm}`
      );
    });
  }

  #meet(nodeId: NodeId, group: Group): Shadow {
    const { replica } = group;
    const { index, term } = replica.applied;
    const truth = this.truth(group.groupId);
    if (truth.committedMax < 0 && index > 0) {
      truth.begin(index, term);
      truth.rows.begin(index, this.#cluster.state(nodeId).data, replica.generation);
    }
    demand(index === 0 || truth.isReached(index), 'apply-order', () => {
      return `Group ${group.groupId}: node ${nodeId} starts from ${index}, which nobody reached`;
    });
    const shadow: Shadow = {
      group,
      ...{ term: 0, vote: 0, leads: false, terms: [], last: 0, lastTerm: 0 },
      ...{ commit: group.storage.compactedIndex, applied: index, generation: replica.generation },
      configurationIndex: replica.configuration.index,
      configuration: replica.confState,
      takenBack: [],
      ...{ stableTerm: 0, stableVote: 0, stableLast: 0, stableLastTerm: 0 },
    };
    if (replica.configuration.index > 0) {
      // Before its first change a replica has that of its birth, or none.
      truth.configured(replica.configuration.index, replica.configuration.state, undefined);
    }
    this.#checkRows(nodeId, group);
    this.#follow(nodeId, group, shadow);
    return shadow;
  }

  #follow(nodeId: NodeId, group: Group, shadow: Shadow): void {
    const { raft } = group.raw;
    if (raft.term !== shadow.term || raft.vote !== shadow.vote) {
      this.#followTerm(group, shadow);
    }
    const leads = raft.role === 'leader';
    const last = raft.lastIndex;
    if (last !== shadow.last || raft.log.lastTerm() !== shadow.lastTerm) {
      this.#followLog(group, shadow);
    }
    if (leads && !shadow.leads) {
      this.truth(group.groupId).leads(group.replicaId, raft.term, raft.log);
    }
    shadow.leads = leads;
    if (raft.commitIndex !== shadow.commit) {
      this.#followCommit(group, shadow);
    }
    const { replica, storage } = group;
    if (replica.generation !== shadow.generation) {
      this.#followInstall(nodeId, group, shadow);
    }
    if (replica.applied.index !== shadow.applied) {
      this.#followApplied(group, shadow);
    }
    if (replica.configuration.index !== shadow.configurationIndex) {
      this.#followConfiguration(group, shadow, shadow.configuration);
    }
    shadow.stableLast = storage.lastIndex();
    shadow.stableTerm = storage.hardState.term;
    shadow.stableVote = storage.hardState.vote;
    shadow.stableLastTerm = termOf(storage, shadow.stableLast);
  }

  #followTerm(group: Group, shadow: Shadow): void {
    const { term, vote } = group.raw.raft;
    demand(term >= shadow.term, 'term-back', () => {
      return `Group ${group.groupId}, replica ${group.replicaId}: from ${shadow.term} to ${term}`;
    });
    const isKept = term > shadow.term || shadow.vote === 0 || vote === shadow.vote;
    demand(isKept, 'vote-changed', () => {
      return (
        `Group ${group.groupId}, replica ${group.replicaId}: votes for ${vote} in term ${term}, ` +
        `and has voted for ${shadow.vote}`
      );
    });
    shadow.leads = shadow.leads && term === shadow.term;
    shadow.term = term;
    shadow.vote = vote;
  }

  /** Entries that are new, or took the place of others: from the end down to what is known. */
  #followLog(group: Group, shadow: Shadow): void {
    const { log } = group.raw.raft;
    const truth = this.truth(group.groupId);
    const last = log.lastIndex();
    const first = log.firstIndex();
    let from = last + 1;
    // An entry that took another's place has another term.
    while (from > first && shadow.terms[from - 1] !== termOf(log, from - 1)) {
      from -= 1;
    }
    shadow.terms.length = from;
    if (from <= last) {
      const entries = log.slice(from, last + 1, Infinity);
      let previousTerm = termOf(log, from - 1);
      for (const entry of typeof entries === 'string' ? [] : entries) {
        truth.holds(group.replicaId, entry, previousTerm);
        previousTerm = entry.term;
        shadow.terms[entry.index] = entry.term;
      }
    }
    shadow.last = last;
    shadow.lastTerm = log.lastTerm();
  }

  #followCommit(group: Group, shadow: Shadow): void {
    const { raft } = group.raw;
    const truth = this.truth(group.groupId);
    demand(raft.commitIndex > shadow.commit, 'commit-back', () => {
      return (
        `Group ${group.groupId}, replica ${group.replicaId}: commit index from ` +
        `${shadow.commit} back to ${raft.commitIndex}`
      );
    });
    for (let index = shadow.commit + 1; index <= raft.commitIndex; index++) {
      const term = raft.log.term(index);
      if (typeof term === 'number') {
        truth.commits(group.replicaId, index, term, raft.term);
      }
    }
    shadow.commit = raft.commitIndex;
  }

  #followInstall(nodeId: NodeId, group: Group, shadow: Shadow): void {
    const { replica, groupId } = group;
    demand(replica.applied.index > shadow.applied, 'install-back', () => {
      return `Group ${groupId}: node ${nodeId} installs ${replica.applied.index} over newer rows`;
    });
    demand(this.truth(groupId).isReached(replica.applied.index), 'apply-order', () => {
      return `Group ${groupId}: node ${nodeId} installs ${replica.applied.index}: nobody was there`;
    });
    shadow.generation = replica.generation;
    shadow.applied = replica.applied.index;
    shadow.configurationIndex = replica.configuration.index;
    shadow.configuration = replica.confState;
    this.#checkRows(nodeId, group);
    this.#checkMemory(nodeId, group);
  }

  #followApplied(group: Group, shadow: Shadow): void {
    const { log } = group.raw.raft;
    const truth = this.truth(group.groupId);
    const upTo = group.replica.applied.index;
    demand(upTo > shadow.applied, 'apply-order', () => {
      return `Group ${group.groupId}: applied index from ${shadow.applied} back to ${upTo}`;
    });
    const entries = log.slice(shadow.applied + 1, upTo + 1, Infinity);
    demand(typeof entries !== 'string', 'apply-order', () => {
      return `Group ${group.groupId}: entries up to ${upTo} are gone as they are applied`;
    });
    for (const entry of typeof entries === 'string' ? [] : entries) {
      const data = entry.type === EntryType.normal ? entry.data : noBytes;
      truth.applies(group.replicaId, entry.index, entry.term, data);
    }
    shadow.applied = upTo;
  }

  #followConfiguration(group: Group, shadow: Shadow, before: ConfState): void {
    const { index, state } = group.replica.configuration;
    // One step may apply several changes: only two in a row must overlap.
    const between = group.raw.raft.log.slice(shadow.configurationIndex + 1, index, Infinity);
    const isNext =
      typeof between !== 'string' && between.every((entry) => entry.type === EntryType.normal);
    this.truth(group.groupId).configured(index, state, isNext ? before : undefined);
    shadow.configurationIndex = index;
    shadow.configuration = state;
  }

  /** Rows of all replicas against the model; now and then, and at the end. */
  checkAllRows(): void {
    for (const nodeId of this.#cluster.nodeIds) {
      for (const group of this.#cluster.core(nodeId)?.host.groups.values() ?? []) {
        this.#checkRows(nodeId, group);
      }
    }
  }

  /** What all replicas answer from memory; seldom, as looking counts as use of the cache. */
  checkAllMemory(): void {
    for (const nodeId of this.#cluster.nodeIds) {
      for (const group of this.#cluster.core(nodeId)?.host.groups.values() ?? []) {
        this.#checkMemory(nodeId, group);
      }
    }
  }

  #checkMemory(nodeId: NodeId, group: Group): void {
    const { rows } = this.truth(group.groupId);
    const problem = memoryProblem(group, rows, this.#cluster.state(nodeId).data);
    demand(problem === undefined, 'row-memory', () => {
      return `Group ${group.groupId}, node ${nodeId}: ${problem ?? ''}`;
    });
  }

  #checkRows(nodeId: NodeId, group: Group): void {
    const { generation, engineApplied } = group.replica;
    const { rows } = this.truth(group.groupId);
    const expected = rows.at(engineApplied.index);
    if (engineApplied.index === 0 || expected === undefined) {
      return;
    }
    const found = rows.hashOf(this.#cluster.state(nodeId).data, generation);
    demand(found === expected, 'row-hash', () => {
      return (
        `Group ${group.groupId}: the rows of node ${nodeId} at ${engineApplied.index} are not ` +
        `what the entries make (hash ${found}, expected ${expected})`
      );
    });
  }

  /** An acknowledgement or a vote leaves only once its sender's disk has it. */
  #leaves(from: NodeId, bytes: Buffer): void {
    const core: NodeCore | undefined = this.#cluster.core(from);
    readMessages(bytes, (groupId, message) => {
      const group = core?.host.groups.get(groupId);
      if (group?.replicaId !== message.from || message.reject) {
        return;
      }
      const { hardState } = group.storage;
      if (message.type === MessageType.voteResp) {
        const isDurable =
          hardState.term > message.term ||
          (hardState.term === message.term && hardState.vote === message.to);
        demand(isDurable, 'vote-not-durable', () => {
          return `Group ${groupId}: node ${from} votes for ${message.to} in ${message.term}`;
        });
      } else if (message.type === MessageType.appResp) {
        demand(group.storage.lastIndex() >= message.index, 'ack-not-durable', () => {
          return (
            `Group ${groupId}: node ${from} acknowledges ${message.index}, its disk has ` +
            `${group.storage.lastIndex()}`
          );
        });
      }
    });
  }
}

function termOf(log: { term(index: number): unknown }, index: number): number {
  const term = log.term(index);
  return typeof term === 'number' ? term : 0;
}
