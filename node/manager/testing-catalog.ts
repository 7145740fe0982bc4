/**
 * A catalog on paper for tests of the system group's commands: a cluster just born, commands
 * decided and applied one after the other, who answers as the test says.
 */
import { isDynakvError } from '../lib/errors.ts';
import type { NodeId } from '../sys/network.ts';
import { bornGroups } from './bootstrap.ts';
import { Catalog, catalogKeys, catalogRow } from './catalog.ts';
import type { ClusterRecord, NodeRecord } from './catalog-records.ts';
import { decideSystem } from './system-commands.ts';
import type { SystemCommand } from './system-commands.ts';
import type { SystemDecision } from './system-decision.ts';

export class CatalogBench {
  readonly catalog = new Catalog();
  readonly silent = new Set<NodeId>();
  nowMs = 1_000;

  constructor(nodes = 4, shardCount = 2) {
    const members = Array.from({ length: nodes }, (_, i) => ({
      ...{ nodeId: i + 1, address: `n${i + 1}:7000`, storeId: `s${i + 1}` },
      ...{ clientAddress: `n${i + 1}:8000`, opsAddress: `n${i + 1}:9100` },
    }));
    const plan = { clusterId: 'c', members, shardCount, replicationFactor: 3, createdAtMs: 1 };
    this.catalog.load(bornGroups(plan)[0]?.rows ?? []);
  }

  /** Decides the command as the leader of term 3, and applies what it writes. */
  run(command: SystemCommand): SystemDecision {
    const isLive = (nodeId: NodeId): boolean => !this.silent.has(nodeId);
    const decision = decideSystem(this.catalog, command, { term: 3, nowMs: this.nowMs, isLive });
    this.catalog.apply(decision.writes);
    return decision;
  }

  /** The reason and the sentence of the refusal; else what was answered. */
  refusal(command: SystemCommand): readonly [reason: unknown, message: string] {
    try {
      return ['not refused', JSON.stringify(this.run(command).reply)];
    } catch (error) {
      return isDynakvError(error) ? [error.facts['reason'], error.message] : ['?', String(error)];
    }
  }

  setNode(nodeId: NodeId, change: Partial<NodeRecord>): void {
    const node = this.catalog.nodes.get(nodeId);
    this.catalog.apply([catalogRow(catalogKeys.node(nodeId), { ...node, ...change })]);
  }

  setCluster(change: Partial<ClusterRecord>): void {
    this.catalog.apply([catalogRow(catalogKeys.cluster, { ...this.catalog.cluster, ...change })]);
  }

  /** Nothing of any shard lies on the node, by the records. */
  empty(nodeId: NodeId): void {
    for (const group of [...this.catalog.groups.values()].filter(({ groupId }) => groupId > 0)) {
      const replicas = group.replicas.filter((replica) => replica.nodeId !== nodeId);
      this.catalog.apply([catalogRow(catalogKeys.group(group.groupId), { ...group, replicas })]);
    }
  }
}
