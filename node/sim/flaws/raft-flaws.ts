/** Flaws of the Raft core: sections are those of Ongaro's thesis and of the paper. */
import type { Flaw } from './flaw.ts';

const core = { file: 'node/raft/raft.ts', storm: 'raft' } as const;
const log = { file: 'node/raft/log.ts', storm: 'raft' } as const;
const quorum = { file: 'node/raft/joint-quorum.ts', storm: 'raft' } as const;

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
    seed: 28,
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
    seed: 234,
  },
  {
    name: 'vote-for-shorter-log',
    rule: 'Raft 5.4.1: only a log at least as complete gets a vote',
    ...log,
    before: 'return term > ourTerm || (term === ourTerm && index >= this.lastIndex());',
    after: 'return term >= ourTerm;',
    seed: 1,
  },
  {
    name: 'vote-for-longer-log-of-older-term',
    rule: 'Raft 5.4.1: terms are compared before indexes',
    ...log,
    before: 'return term > ourTerm || (term === ourTerm && index >= this.lastIndex());',
    after: 'return index > this.lastIndex() || (index === this.lastIndex() && term >= ourTerm);',
    seed: 98,
  },
  {
    name: 'tail-held-against-a-candidate-after-leaving',
    rule: 'Record 0070: who left with the outgoing half holds no tail against a candidate',
    ...{ file: 'node/raft/succession.ts', storm: 'raft' },
    before: '(log.hasAllCommitted(index, logTerm) && isOut(own) && wasJointBefore(log))',
    after: 'false',
    seed: 165,
  },
  {
    name: 'voter-judges-by-commit-index',
    rule: 'Record 0070, Raft 5.4.1: a voter judges a candidate by its whole log',
    ...{ file: 'node/raft/succession.ts', storm: 'raft' },
    before: '(log.hasAllCommitted(index, logTerm) && isOut(own) && wasJointBefore(log))',
    after: 'log.hasAllCommitted(index, logTerm)',
    seed: 2,
  },
  {
    name: 'commit-of-older-term',
    rule: 'Raft 5.4.2: only an entry of its own term commits by counting',
    ...log,
    before: 'index <= this.committed || !this.matchTerm(index, term)',
    after: 'index <= this.committed',
    seed: 100,
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
    name: 'acks-of-older-leadership',
    rule: 'Raft 5.3: what a follower holds is learnt anew in each term',
    file: 'node/raft/progress.ts',
    storm: 'raft',
    before: '    this.match = 0;\n    this.next = next;',
    after: '    this.next = next;',
    seed: 87,
  },
  {
    name: 'read-without-round',
    rule: 'Raft 6.4: a read is confirmed by a majority',
    ...core,
    before: 'if (this.tracker.isSingleton || hasLease) {',
    after: 'if (true) {',
    seed: 78,
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
    name: 'read-confirmed-by-one',
    rule: 'Raft 6.4: a round needs a majority, not a majority less one',
    file: 'node/raft/read-only.ts',
    storm: 'raft',
    before: 'const position = jointCommittedIndex(voters, this);',
    after: 'const position = voters ? Math.max(0, ...this.#acks.values()) : 0;',
    seed: 127,
  },
  {
    name: 'reads-outlive-term',
    rule: 'P2: reads belong to one leadership',
    ...core,
    before: '    this.#reads.reset();\n',
    after: '',
    seed: 78,
  },
  {
    name: 'joint-commit-by-new-half',
    rule: 'Raft 4.3: both halves of a joint configuration commit',
    ...quorum,
    before: ': Math.min(incoming, majorityCommittedIndex(voters.outgoing, acked));',
    after: ': incoming;',
    seed: 190,
  },
  {
    name: 'joint-vote-by-new-half',
    rule: 'Raft 4.3: both halves of a joint configuration elect',
    ...quorum,
    before: 'const outgoing = majorityVoteResult(voters.outgoing, votes);',
    after: 'const outgoing = majorityVoteResult([], votes);',
    seed: 165,
  },
  {
    name: 'two-changes-at-once',
    rule: 'Raft 4.1: one change of the configuration at a time',
    file: 'node/raft/conf-changer.ts',
    storm: 'raft',
    before: 'if (pendingIndex > appliedIndex) {',
    after: 'if (pendingIndex < 0) {',
    seed: 3,
  },
  {
    name: 'pending-change-forgotten',
    rule: 'Raft 4.1: a new leader may have inherited a change',
    ...core,
    before: 'this.#pendingConfIndex = this.log.lastIndex();',
    after: 'this.#pendingConfIndex = 0;',
    seed: 4,
  },
  {
    name: 'campaign-with-unapplied-change',
    rule: 'Raft 4.1: who does not know its configuration does not campaign',
    ...core,
    before: 'if (this.log.hasUnappliedConfChange()) {',
    after: 'if (this.term < 0) {',
    seed: 274,
  },
  {
    name: 'learner-restored-as-voter',
    rule: 'Raft 4.2.1: a learner stays one over a restart',
    file: 'node/raft/conf-changer.ts',
    storm: 'raft',
    before: 'change(ConfChangeType.addLearner, [...state.learners, ...state.learnersNext]);',
    after: 'change(ConfChangeType.addVoter, [...state.learners, ...state.learnersNext]);',
    seed: 4,
  },
  {
    name: 'ack-of-unchecked-tail',
    rule: 'Raft 5.3: an answer to an append tells of what that append has checked, no more',
    file: 'node/raft/raft.ts',
    storm: 'tail',
    before: 'const last = this.log.maybeAppend(index, logTerm, entries, message.commit);',
    after:
      'const checked = this.log.maybeAppend(index, logTerm, entries, message.commit);\n    const last = checked === undefined ? undefined : this.log.lastIndex();',
    seed: 19,
  },
  {
    name: 'append-commits-unchecked-tail',
    rule: 'Raft 5.3: an append commits only up to what it has checked',
    file: 'node/raft/log.ts',
    storm: 'tail',
    before: 'this.commitTo(Math.min(committed, last));',
    after: 'this.commitTo(Math.min(committed, this.lastIndex()));',
    seed: 2,
  },
  {
    name: 'learner-counted-in-quorum',
    rule: 'Raft 4.2.1: a learner does not count',
    file: 'node/raft/tracker.ts',
    storm: 'raft',
    before: 'return jointCommittedIndex(this.config.voters, this);',
    after: `const { voters, learners } = this.config;
    return jointCommittedIndex({ ...voters, incoming: [...voters.incoming, ...learners] }, this);`,
    seed: 35,
  },
  {
    name: 'joint-half-left-out',
    rule: 'Raft 4.3: a change of several voters goes through both halves',
    file: 'node/raft/conf-changer.ts',
    storm: 'raft',
    before: `    draft.outgoing.add(id);
  }
  const refused`,
    after: `    void id;
  }
  const refused`,
    seed: 4,
  },
  {
    name: 'configuration-used-before-committed',
    rule: 'Raft 4.1, etcd: a change counts once it is committed and applied',
    file: 'node/raft/raft.ts',
    storm: 'raft',
    before: '        this.#pendingConfIndex = this.log.lastIndex() + i + 1;',
    after: `        this.#pendingConfIndex = this.log.lastIndex() + i + 1;
        const change = confChangeOfEntry(entry);
        const next = change && changeGroup(this.tracker, this.log.lastIndex(), change);
        if (next !== undefined && 'config' in next) {
          this.#switchTo(next);
        }`,
    seed: 4,
  },
  {
    name: 'stable-mark-of-another-term',
    rule: 'design 3.4, etcd ABA: only what was written in this form is stable',
    file: 'node/raft/log-unstable.ts',
    storm: 'raft',
    before: '    if (known !== term) {',
    after: '    if (known !== term && index < 0) {',
    seed: 27,
  },
];
