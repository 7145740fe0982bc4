/** Flaws of snapshots, generations and sleep. */
import type { Flaw } from './flaw.ts';

const storm = 'snapshot';

export const snapshotFlaws: readonly Flaw[] = [
  {
    name: 'pending-rows-survive-install',
    rule: 'P14: an install drops what is deferred',
    file: 'node/host/replica.ts',
    before: '    this.#pending = [];\n    for (const ticket',
    after: '    for (const ticket',
    storm,
    seed: 11,
  },
  {
    name: 'stale-cache-after-install',
    rule: 'P14: what was cached of the rows before is not asked after an install',
    file: 'node/host/replica.ts',
    before:
      "goes back');\n    this.#generation = start.generation;\n" +
      '    this.#cachePrefix = `${start.generation}:`;',
    after: "goes back');\n    this.#generation = start.generation;",
    storm: 'reader',
    seed: 1,
  },
  {
    name: 'layer-survives-install',
    rule: 'P14: an install drops the committed layer',
    file: 'node/host/replica.ts',
    before: '    this.#layer = new Map();\n    this.#layerBytes = 0;\n    this.#pending',
    after: '    this.#layerBytes = 0;\n    this.#pending',
    storm,
    seed: 7,
  },
  {
    name: 'flip-without-sync',
    rule: 'P14: the flip is durable before the log restarts',
    file: 'node/storage/generations.ts',
    before: 'this.#engine.write(this.flipWrites(pointer, applied), { sync: true });',
    after: 'this.#engine.write(this.flipWrites(pointer, applied));',
    storm,
    seed: 8,
  },
  {
    name: 'generation-counter-not-written',
    rule: 'P13: numbers are durable before their first row and never given out twice',
    file: 'node/storage/generations.ts',
    before: "      { column: 'default', key: counterKey, value: encodeCounter(this.#next) },\n",
    after: '',
    storm,
    seed: 1,
  },
  {
    name: 'changes-left-out-of-snapshot',
    rule: 'decision 0032: a leg begins with what the log did to the rows sent before',
    file: 'node/host/snapshot-source.ts',
    before: '          writes.push(write);\n          bytes += size;',
    after: '          bytes += size;',
    storm,
    seed: 1,
  },
  {
    name: 'sleeper-trusts-node',
    rule: 'P15: a lost leader wakes its groups',
    file: 'node/host/host.ts',
    before: '        group.wake();\n        group.raw.forgetLeader();',
    after: '        group.raw.tickQuiesced();',
    storm: 'rest',
    seed: 1,
  },
  {
    name: 'snapshot-index-off-by-one',
    rule: 'Raft 7: a snapshot says exactly which entries it stands for',
    file: 'node/host/snapshot-source.ts',
    storm: 'snapshot',
    before: 'const metadata = { ...applied, confState: configuration.state };',
    after:
      'const metadata = { ...applied, index: applied.index + 1, confState: configuration.state };',
    seed: 1,
  },
];
