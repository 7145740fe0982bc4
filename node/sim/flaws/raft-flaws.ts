/** Flaws of the Raft core: sections are those of Ongaro's thesis and of the paper. */
import type { Flaw } from './flaw.ts';

const core = { file: 'node/raft/raft.ts', storm: 'raft' } as const;
const log = { file: 'node/raft/log.ts', storm: 'raft' } as const;

export const raftFlaws: readonly Flaw[] = [
  {
    name: 'vote-twice',
    rule: 'Raft 5.2: at most one vote in a term',
    ...core,
    before: '(this.vote === none && this.leaderId === none) ||',
    after: 'this.leaderId === none ||',
    seed: 1,
  },
  {
    name: 'vote-forgotten-at-restart',
    rule: 'P11, Raft 5.2: a vote outlives the process',
    ...core,
    before: '    this.vote = vote;\n',
    after: '    this.vote = none;\n',
    seed: 6,
  },
  {
    name: 'vote-sent-before-durable',
    rule: 'Raft 5.2: a vote is on disk before it is told',
    file: 'node/raft/outbox.ts',
    storm: 'raft',
    before: `'A vote must carry a term');
        this.afterAppend.push(message);`,
    after: `'A vote must carry a term');
        (message.to === this.#id ? this.afterAppend : this.messages).push(message);`,
    seed: 49,
  },
  {
    name: 'vote-for-shorter-log',
    rule: 'Raft 5.4.1: only a log at least as complete gets a vote',
    ...log,
    before: 'return term > ourTerm || (term === ourTerm && index >= this.lastIndex());',
    after: 'return term >= ourTerm;',
    seed: 4,
  },
  {
    name: 'commit-by-minority',
    rule: 'Raft 5.3: a majority commits',
    file: 'node/raft/quorum.ts',
    storm: 'raft',
    before: 'return sorted[count - (Math.floor(count / 2) + 1)] as number;',
    after: 'return sorted[count - Math.max(1, Math.floor(count / 2))] as number;',
    seed: 1,
  },
  {
    name: 'append-without-match',
    rule: 'Raft 5.3: an empty append is checked too',
    ...log,
    before: 'if (!this.matchTerm(prevIndex, prevTerm)) {',
    after: 'if (entries.length > 0 && !this.matchTerm(prevIndex, prevTerm)) {',
    seed: 1,
  },
  {
    name: 'append-of-deposed-leader',
    rule: 'Raft 5.1: messages of an older term are refused',
    ...core,
    before: 'if (term !== 0 && term < this.term) {',
    after: 'if (term !== 0 && term < this.term && message.type !== MessageType.app) {',
    seed: 1,
  },
  {
    name: 'heartbeat-commits-too-much',
    rule: 'Raft 5.3: a heartbeat commits only what the follower is known to hold',
    file: 'node/raft/replicator.ts',
    storm: 'raft',
    before: 'message.commit = Math.min(progress.match, this.#log.committed);',
    after: 'message.commit = this.#log.committed;',
    seed: 1,
  },
  {
    name: 'read-before-own-commit',
    rule: 'Raft 6.4: a new leader does not know what is committed',
    ...core,
    before: `    if (this.#hasCommittedInTerm()) {
      this.#startRead(from, context);`,
    after: `    if (true) {
      this.#startRead(from, context);`,
    seed: 1,
  },
  {
    name: 'two-changes-at-once',
    rule: 'Raft 4.1: one change of the configuration at a time',
    file: 'node/raft/conf-changer.ts',
    storm: 'raft',
    before: 'if (pendingIndex > appliedIndex) {',
    after: 'if (pendingIndex < 0) {',
    seed: 1,
  },
  {
    name: 'pending-change-forgotten',
    rule: 'Raft 4.1: a new leader may have inherited a change',
    ...core,
    before: 'this.#pendingConfIndex = this.log.lastIndex();',
    after: 'this.#pendingConfIndex = 0;',
    seed: 1,
  },
  {
    name: 'learner-restored-as-voter',
    rule: 'Raft 4.2.1: a learner stays one over a restart',
    file: 'node/raft/conf-changer.ts',
    storm: 'raft',
    before: 'change(ConfChangeType.addLearner, [...state.learners, ...state.learnersNext]);',
    after: 'change(ConfChangeType.addVoter, [...state.learners, ...state.learnersNext]);',
    seed: 2,
  },
];
