/**
 * The catalog as this node knows it: the rows of the system group, parsed. Every node has the
 * whole of it, as voter or learner of that group (design §5). It may be behind the leader's;
 * whoever must not act on an old one asks the leader (`table-service.ts`).
 *
 * Rows: `cluster`, `node/<id>`, `group/<id>`, `table/<name>`; keys UTF-8, values JSON.
 */
import { DynakvError } from '../lib/errors.ts';
import type { RowWrite } from '../items/batch.ts';
import type { TableRecord } from '../items/table.ts';
import type { NodeId } from '../sys/network.ts';

export interface ClusterRecord {
  readonly clusterId: string;
  readonly shardCount: number;
  readonly replicationFactor: number;
  readonly createdAtMs: number;
  /** The next ids to give out; ids are never reused. */
  readonly nextNodeId: number;
  readonly nextTableId: number;
}

export type NodeState = 'joining' | 'active' | 'draining' | 'drained' | 'removed';

export interface NodeRecord {
  readonly nodeId: NodeId;
  /** host:port of its peer, client and operations doors. */
  readonly address: string;
  readonly clientAddress: string;
  readonly opsAddress: string;
  readonly zone?: string | undefined;
  readonly state: NodeState;
  /** Its store failed, and why: that store is never let in again (design §4). */
  readonly quarantined?: string | undefined;
}

export interface ReplicaRecord {
  readonly replicaId: number;
  readonly nodeId: NodeId;
}

/** Wanted placement and its ids; the truth about members is the group's own configuration. */
export interface GroupRecord {
  readonly groupId: number;
  readonly replicas: readonly ReplicaRecord[];
  readonly nextReplicaId: number;
  /** Who should lead, for balance (`leader-home.ts`). */
  readonly preferredLeader: NodeId;
}

export const catalogKeys = {
  cluster: 'cluster',
  node: (nodeId: NodeId): string => `node/${nodeId}`,
  group: (groupId: number): string => `group/${groupId}`,
  table: (name: string): string => `table/${name}`,
} as const;

/** One row to write; undefined removes it. */
export function catalogRow(key: string, value: object | undefined): RowWrite {
  return {
    key: Buffer.from(key, 'utf8'),
    value: value === undefined ? undefined : Buffer.from(JSON.stringify(value), 'utf8'),
  };
}

export class Catalog {
  #cluster: ClusterRecord | undefined;
  readonly #nodes = new Map<NodeId, NodeRecord>();
  readonly #groups = new Map<number, GroupRecord>();
  readonly #tables = new Map<string, TableRecord>();
  readonly #listeners: (() => void)[] = [];

  get cluster(): ClusterRecord {
    if (this.#cluster === undefined) {
      throw new DynakvError('Unavailable', 'The catalog is not loaded yet');
    }
    return this.#cluster;
  }

  get nodes(): ReadonlyMap<NodeId, NodeRecord> {
    return this.#nodes;
  }

  get groups(): ReadonlyMap<number, GroupRecord> {
    return this.#groups;
  }

  get tables(): ReadonlyMap<string, TableRecord> {
    return this.#tables;
  }

  get shardCount(): number {
    return this.cluster.shardCount;
  }

  nodesOf(groupId: number): readonly NodeId[] {
    return (this.#groups.get(groupId)?.replicas ?? []).map((replica) => replica.nodeId);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Follows applied rows of the system group. */
  apply(writes: readonly RowWrite[]): void {
    for (const write of writes) {
      this.#set(write.key.toString('utf8'), write.value);
    }
    if (writes.length > 0) {
      this.#changed();
    }
  }

  /** Replaces everything, from a scan of the group's rows. */
  load(rows: readonly RowWrite[]): void {
    this.#cluster = undefined;
    this.#nodes.clear();
    this.#groups.clear();
    this.#tables.clear();
    for (const row of rows) {
      this.#set(row.key.toString('utf8'), row.value);
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }

  #set(key: string, value: Buffer | undefined): void {
    const record: unknown = value === undefined ? undefined : JSON.parse(value.toString('utf8'));
    const slash = key.indexOf('/');
    const kind = slash < 0 ? key : key.slice(0, slash);
    const name = key.slice(slash + 1);
    switch (kind) {
      case 'cluster':
        this.#cluster = record as ClusterRecord | undefined;
        return;
      case 'node':
        put(this.#nodes, Number(name), record as NodeRecord | undefined);
        return;
      case 'group':
        put(this.#groups, Number(name), record as GroupRecord | undefined);
        return;
      case 'table':
        put(this.#tables, name, record as TableRecord | undefined);
        return;
      default:
      // A row of a newer version: kept in the store, not understood here.
    }
  }
}

function put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) {
    map.delete(key);
  } else {
    map.set(key, value);
  }
}
