/**
 * The catalog as this node knows it: the rows of the system group, parsed. Every node has the
 * whole of it, as voter or learner of that group (design §5). It may be behind the leader's;
 * whoever must not act on an old one asks the leader (`table-service.ts`).
 *
 * Rows: `cluster`, `settings`, `control`, `plan`, `move/<id>`, `node/<id>`, `group/<id>`,
 * `table/<name>`; keys UTF-8, values JSON.
 */
import { DynakvError } from '../lib/errors.ts';
import type { RowWrite } from '../items/batch.ts';
import type { TableRecord } from '../items/table.ts';
import type { NodeId } from '../sys/network.ts';
import { noControl, noPlan, settingsDefaults } from './plan-records.ts';
import type { ControlRecord, MoveRecord, PlanRecord, SettingsRecord } from './plan-records.ts';
import { readCluster, readGroup, readNode } from './catalog-records.ts';
import type { ClusterRecord, GroupRecord, NodeRecord, ReplicaRecord } from './catalog-records.ts';
import { systemGroupId } from '../shards/groups.ts';

export const catalogKeys = {
  cluster: 'cluster',
  settings: 'settings',
  control: 'control',
  plan: 'plan',
  move: (moveId: string): string => `move/${moveId}`,
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
  readonly #moves = new Map<string, MoveRecord>();
  #settings: SettingsRecord = settingsDefaults;
  #control: ControlRecord = noControl;
  #plan: PlanRecord = noPlan;
  readonly #listeners: (() => void)[] = [];

  get cluster(): ClusterRecord {
    if (this.#cluster === undefined) {
      throw new DynakvError('Unavailable', 'The catalog is not loaded yet');
    }
    return this.#cluster;
  }

  /** False on a node that joined and has nothing of the system group yet. */
  get isLoaded(): boolean {
    return this.#cluster !== undefined;
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

  get settings(): SettingsRecord {
    return this.#settings;
  }

  get control(): ControlRecord {
    return this.#control;
  }

  get plan(): PlanRecord {
    return this.#plan;
  }

  /** Moves that are under way or wait, in the order of the plan. */
  get moves(): ReadonlyMap<string, MoveRecord> {
    return this.#moves;
  }

  get shardCount(): number {
    return this.cluster.shardCount;
  }

  /** Nodes that were not removed: those that frames go to. */
  get members(): readonly NodeRecord[] {
    return [...this.#nodes.values()].filter(({ state }) => state !== 'removed');
  }

  /** Replicas of the system group; none before the catalog is loaded. */
  get systemReplicas(): readonly ReplicaRecord[] {
    return this.#groups.get(systemGroupId)?.replicas ?? [];
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
    this.#settings = settingsDefaults;
    this.#control = noControl;
    this.#plan = noPlan;
    this.#moves.clear();
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
        this.#cluster = record === undefined ? undefined : readCluster(record);
        return;
      case 'settings':
        this.#settings = { ...settingsDefaults, ...(record as Partial<SettingsRecord>) };
        return;
      case 'control':
        this.#control = (record as ControlRecord | undefined) ?? noControl;
        return;
      case 'plan':
        this.#plan = (record as PlanRecord | undefined) ?? noPlan;
        return;
      case 'move':
        put(this.#moves, name, record as MoveRecord | undefined);
        return;
      case 'node':
        put(this.#nodes, Number(name), record === undefined ? undefined : readNode(record));
        return;
      case 'group':
        put(this.#groups, Number(name), record === undefined ? undefined : readGroup(record));
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
