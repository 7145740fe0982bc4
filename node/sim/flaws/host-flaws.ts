/** Flaws of the host: durability, applying, reads, what becomes of proposals. */
import type { Flaw } from './flaw.ts';

const storm = 'cluster';

export const hostFlaws: readonly Flaw[] = [
  {
    name: 'follower-acks-before-fsync',
    rule: 'Raft 5.3: an acknowledged entry is on disk',
    file: 'node/host/log-writer.ts',
    before: '    this.#work.push({ group, message });\n  }',
    after: `    for (const response of message.responses) {
      if (response.to !== group.replicaId) {
        this.#events.send(group, response);
      }
    }
    this.#work.push({ group, message });
  }`,
    storm,
    seed: 5,
  },
  {
    name: 'foreign-entry-settles-too-early',
    rule: 'P3: only a committed entry of another term settles as not done',
    file: 'node/host/group.ts',
    before: '      this.#close();\n      this.reads.dropAll();',
    after: `      for (let index = this.commitIndex + 1; index < this.commitIndex + 1_000; index++) {
        this.settlement.applied(index, 0);
      }
      this.#close();
      this.reads.dropAll();`,
    storm,
    seed: 11,
  },
  {
    name: 'foreign-entry-counts-as-done',
    rule: 'P3: the same term = done, another term = not done',
    file: 'node/host/settlement.ts',
    before: "(proposed === term ? 'done' : 'notDone')",
    after: "(proposed === term ? 'done' : 'done')",
    storm,
    seed: 18,
  },
  {
    name: 'open-before-own-entry',
    rule: 'P2, design 3.3: an executor opens once an entry of its own term is applied',
    file: 'node/host/group.ts',
    before: '} else if (this.#openTerm === 0 && this.replica.applied.term === term) {',
    after: '} else if (this.#openTerm === 0) {',
    storm,
    seed: 37,
  },
  {
    name: 'cache-does-not-follow',
    rule: 'design 3.3: the item cache equals the applied state',
    file: 'node/host/replica.ts',
    before: 'this.#cache.follow(this.#cachePrefix + name, write.value);',
    after: 'void 0;',
    storm: 'hot',
    seed: 10,
  },
  {
    name: 'watermark-before-sync',
    rule: 'P10: the watermark follows the sync of RocksDB',
    file: 'node/host/drainer.ts',
    before: '    this.#engine.syncWal().then(',
    after: '    Promise.resolve().then(',
    storm: 'hot',
    seed: 3,
  },
  {
    name: 'apply-of-undurable-entries',
    rule: 'P9: only what the local log holds durably is applied',
    file: 'node/raft/log.ts',
    storm: 'cold',
    before:
      'return allowUnstable ? this.committed : Math.min(this.committed, this.unstable.offset - 1);',
    after: 'return this.committed;',
    seed: 2,
  },
  {
    name: 'ticket-survives-write',
    rule: 'P1: any write to the key voids what is being fetched',
    file: 'node/host/replica.ts',
    storm: 'cold',
    before: `        ticket.live = false;
        this.#tickets.delete(name);
      }
      if (this.cacheWrites)`,
    after: `        void ticket;
      }
      if (this.cacheWrites)`,
    seed: 7,
  },
  {
    name: 'log-cut-above-watermark',
    rule: 'P10: the log is cut behind the watermark only',
    file: 'node/host/drainer.ts',
    storm: 'snapshot',
    before:
      'const watermark = Math.min(this.#watermarks.get(group) ?? 0, this.#pins.floor(group));',
    after: 'const watermark = Math.min(group.replica.applied.index, this.#pins.floor(group));',
    seed: 1,
  },
  {
    name: 'watermark-captured-after-sync',
    rule: 'P10: the watermark is the applied index captured before the sync',
    file: 'node/host/drainer.ts',
    storm: 'cold',
    before: '          builder.watermark(group.groupId, group.replicaId, index);',
    after: `          const now = Math.max(index, group.replica.engineApplied.index);
          builder.watermark(group.groupId, group.replicaId, now);`,
    seed: 13,
  },
  {
    name: 'vote-not-written',
    rule: 'Raft 5.2: term and vote are on disk before they are told',
    file: 'node/host/log-writer.ts',
    storm: 'cluster',
    before: `      this.#commits.delete(group);
      this.#builder.hardState(groupId, replicaId, hardState);`,
    after: `      this.#commits.delete(group);
      if (hardState.vote === known.vote) {
        this.#builder.hardState(groupId, replicaId, hardState);
      }`,
    seed: 8,
  },
  {
    name: 'acks-before-their-records',
    rule: 'design 3.4: responses go out once their batch is durable',
    file: 'node/host/log-writer.ts',
    storm: 'cluster',
    before: `    this.#busy = true;
    this.#append(builder, work, after);`,
    after: `    this.#busy = true;
    this.#finish(work, []);
    this.#append(builder, [], after);`,
    seed: 13,
  },
];
