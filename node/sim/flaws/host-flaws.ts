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
    seed: 13,
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
];
