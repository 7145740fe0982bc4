/** A replica that has nothing yet: how it lies in the log and in the engine. */
import { emptyConfState } from '../host/group-factory.ts';
import type { HardState, SnapshotMetadata } from '../raft/messages.ts';
import type { Applied } from '../storage/generation-rows.ts';

const metadata: SnapshotMetadata = { index: 0, term: 0, confState: emptyConfState };
const hardState: HardState = { term: 0, vote: 0, commit: 0 };
const applied: Applied = {
  ...metadata,
  configurationIndex: 0,
  incarnation: 1,
  installStamp: undefined,
};

export const emptyReplica = { metadata, hardState, applied } as const;
