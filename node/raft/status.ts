/** The state of one replica as others may see it: copies, for status pages and tests. */
import type { HardState, ReplicaId } from './messages.ts';
import type { Progress } from './progress.ts';
import type { Raft } from './raft.ts';
import type { SoftState } from './ready.ts';
import type { GroupConfig } from './tracker.ts';

export interface BasicStatus {
  readonly id: ReplicaId;
  readonly hardState: HardState;
  readonly softState: SoftState;
  readonly applied: number;
  /** 0 = no transfer. */
  readonly leadTransferee: ReplicaId;
}

export interface Status extends BasicStatus {
  readonly config: GroupConfig;
  /** Of each member, sorted by id; empty unless leading. */
  readonly members: readonly Progress[];
}

export function basicStatus(raft: Raft): BasicStatus {
  return {
    id: raft.id,
    hardState: raft.hardState(),
    softState: { leaderId: raft.leaderId, role: raft.role },
    applied: raft.log.applied,
    leadTransferee: raft.leadTransferee,
  };
}

export function status(raft: Raft): Status {
  const { config, members } = raft.tracker;
  const isLeader = raft.role === 'leader';
  return {
    ...basicStatus(raft),
    config,
    members: isLeader ? members.map((progress) => progress.clone()) : [],
  };
}
