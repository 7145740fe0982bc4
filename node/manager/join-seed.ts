/**
 * What a node that joins knows before the system group told it anything: where the members are
 * and which replicas of the system group they hold. It is in the note of its birth, and no longer
 * looked at once the catalog is loaded.
 */
import type { NodeId, PeerAddress } from '../sys/network.ts';
import type { ReplicaRecord } from './catalog-records.ts';

export interface JoinSeed {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  /** This node's replica of the system group: a learner without data. */
  readonly systemReplicaId: number;
  readonly members: readonly PeerAddress[];
  readonly systemReplicas: readonly ReplicaRecord[];
}
