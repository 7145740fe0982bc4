/** Flaws of the Raft log's files: what is durable when, and what a break means. */
import type { Flaw } from './flaw.ts';

const file = 'node/storage/raft-log/raft-log.ts';
const storm = 'log';

export const logFlaws: readonly Flaw[] = [
  {
    name: 'append-without-fsync',
    rule: 'design 3.4: an append resolves when it is on disk',
    file,
    before: 'await file.writeDurably(bytes, offset);',
    after: 'await file.write(bytes, offset);',
    storm,
    seed: 1,
  },
  {
    name: 'tail-of-page-cache-acknowledged',
    rule: 'P7: what was read back from the page cache is written anew first',
    file,
    before: '      batch.encoded(payload, records);\n',
    after: '      void [payload, records];\n',
    storm,
    seed: 1,
  },
  {
    name: 'segment-without-directory-sync',
    rule: 'P7: a new segment is synced, and so is its name',
    file: 'node/storage/raft-log/segment-files.ts',
    before: `      this.#nextSequence += 1;
      await this.#disk.syncDirectory(this.#directory);`,
    after: '      this.#nextSequence += 1;',
    storm,
    seed: 1,
  },
  {
    name: 'segments-freed-before-durable',
    rule: 'P10: a segment goes once a durable batch calls it dispensable',
    file,
    before: `      sealed.push(this.#seal(batch, firstSegment));
      await this.#write(sealed);`,
    after: `      sealed.push(this.#seal(batch, firstSegment));
      this.#freeBelow(firstSegment);
      await this.#files.settle();
      await this.#write(sealed);`,
    storm,
    seed: 1,
  },
  {
    name: 'batch-without-checksum',
    rule: 'P8: a torn batch is none',
    file: 'node/storage/raft-log/batch.ts',
    before: 'if (header.readUInt32LE(payloadCrcOffset) !== crc32(rest, salt)) {',
    after: 'if (header.readUInt32LE(payloadCrcOffset) === crc32(rest, salt) + 1) {',
    storm,
    seed: 13,
  },
  {
    name: 'durable-end-of-the-batch-itself',
    rule: 'P8: a batch declares only what was durable before it',
    file,
    before: '      durableEnd: this.#durableEnd,\n',
    after: '      durableEnd: this.#end,\n',
    storm,
    seed: 3,
  },
  {
    name: 'boot-nonce-not-logged',
    rule: 'P12: each boot leaves its nonce, durably, before it is told',
    file,
    before: '      batch.boot(options.bootNonce);\n',
    after: '',
    storm,
    seed: 1,
  },
  {
    name: 'damage-taken-for-torn-tail',
    rule: 'P8: a break below a declared durable end is damage, not a torn tail',
    file: 'node/storage/raft-log/recovery.ts',
    before: '    if (this.#durableEndMax > this.#end) {',
    after: `    this.#durableEndMax = Math.min(this.#durableEndMax, this.#end);
    if (this.#durableEndMax > this.#end) {`,
    storm,
    seed: 2,
  },
  {
    name: 'sound-batches-behind-a-break-unread',
    rule: 'P8: what is sound behind a break tells how far the log was durable',
    file: 'node/storage/raft-log/scan.ts',
    before: 'durableEndMax = Math.max(durableEndMax, header?.durableEnd ?? 0);',
    after: 'void header;',
    storm,
    seed: 2,
  },
  {
    name: 'witness-unread',
    rule: 'P8: the witness tells of an end that is lost with all its traces',
    file: 'node/storage/raft-log/recovery.ts',
    before: 'const chain = new Chain(await readWitness(disk, directory, storeId));',
    after: 'const chain = new Chain(0 * (await readWitness(disk, directory, storeId)));',
    storm,
    seed: 3,
  },
];
