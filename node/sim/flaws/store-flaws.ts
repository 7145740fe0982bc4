/** Flaws of letting in a store that may have forgotten: old, cloned, damaged, failed. */
import type { Flaw } from './flaw.ts';

const hello = { file: 'node/transport/hello.ts', storm: 'store' } as const;

export const storeFlaws: readonly Flaw[] = [
  {
    name: 'boot-history-unread',
    rule: 'P12: the last boot that was seen must be in the history of the hello',
    ...hello,
    before: 'if (!theirs.bootNonces.includes(seen.bootNonce)) {',
    after: 'if (theirs.bootNonces.length === 0) {',
    seed: 2,
  },
  {
    name: 'boots-counted-instead-of-named',
    rule: 'P12: a boot has a nonce: a number of boots is reached again by crashing',
    ...hello,
    before: 'if (!theirs.bootNonces.includes(seen.bootNonce)) {',
    after: `const boots = (nonce = ''): number => Number(nonce.split('-').at(-1));
    const missing = boots(seen.bootNonce) - theirs.bootNonces.length;
    if (missing > theirs.bootNonces.length) {`,
    seed: 2,
  },
  {
    name: 'old-disk-only-judged-by-position',
    rule: 'P12: peers refuse a store that does not know what they saw of it',
    ...hello,
    before: '  if (seen !== undefined) {\n    if (theirs.storeId',
    after: '  if (seen !== undefined && ours.nodeId < 0) {\n    if (theirs.storeId',
    seed: 2,
  },
  {
    name: 'failed-sync-tried-again',
    rule: 'P7, P11: after an error of fsync the store is quarantined for good, on disk too',
    file: 'node/storage/raft-log/quarantine.ts',
    storm: 'store',
    before: '  if (!(await disk.exists(path))) {\n    return undefined;\n  }\n  const file',
    after: '  if (noteBytesMax > 0) {\n    return undefined;\n  }\n  const file',
    seed: 1,
  },
];
