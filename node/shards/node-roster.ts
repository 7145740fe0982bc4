/**
 * The nodes of a view, by index in order of their ids, and what each may do for now: the one place
 * where states are judged. It also says how many copies a shard is to have (P17), and which drains
 * cannot be: those nodes keep what they hold.
 */
import { assert } from '../lib/assert.ts';
import type { NodeId } from '../sys/network.ts';
import type { ClusterView, ViewNode } from './cluster-view.ts';
import { freeBytesMinDefault } from './cluster-view.ts';
import { systemGroupId } from './groups.ts';
import { effectiveReplication } from './placement.ts';

/**
 * - `target`: holds, receives and leads;
 * - `frozen`: keeps what it holds, gets nothing (but a drain that cannot be, see `keptDrains`), leads
 *   nothing (unless it merely is not steady);
 * - `leaving`: what it holds is moved away; it still counts for quorums;
 * - `lost`: its copies count for nothing.
 */
export type NodeStanding = 'target' | 'frozen' | 'leaving' | 'lost';

function standingOf(node: ViewNode): NodeStanding {
  switch (node.state) {
    case 'active':
      return node.live === false || node.steady === false ? 'frozen' : 'target';
    case 'evictingLeaders':
    case 'maintenance':
      return 'frozen';
    case 'joining':
    case 'draining':
    case 'drained':
      return 'leaving';
    case 'dead':
    case 'removed':
      return 'lost';
  }
}

/** Every node of the view, and those that only its groups name, as removed. */
function allNodes(view: ClusterView): ViewNode[] {
  const nodes = new Map<NodeId, ViewNode>();
  for (const node of view.nodes) {
    assert(!nodes.has(node.nodeId), `Node ids must differ: ${node.nodeId}`);
    assert(
      node.weight === undefined || (node.weight > 0 && Number.isFinite(node.weight)),
      `Weights must be above zero: node ${node.nodeId} has ${node.weight ?? 1}`,
    );
    nodes.set(node.nodeId, node);
  }
  for (const group of view.groups) {
    for (const { nodeId } of group.replicas) {
      if (!nodes.has(nodeId)) {
        nodes.set(nodeId, { nodeId, state: 'removed' });
      }
    }
  }
  return [...nodes.values()].sort((a, b) => a.nodeId - b.nodeId);
}

/**
 * Copies that each shard is to have: it only rises (P17). A rise that was begun counts, too, even
 * if its factor was not stored yet: some shard has its copies.
 */
function factorOf(view: ClusterView, receivers: number): number {
  const { effectiveFactor, replicationFactor, groups } = view;
  let reached = 0;
  for (const { groupId, replicas } of groups) {
    if (groupId !== systemGroupId && replicas.length > reached) {
      const voters = replicas.filter(({ role }) => role === 'voter' || role === 'incoming');
      reached = Math.max(reached, voters.length);
    }
  }
  const wanted = effectiveReplication(replicationFactor, Math.max(receivers, reached));
  return Math.max(effectiveFactor, wanted);
}

export class NodeRoster {
  readonly nodes: readonly ViewNode[];
  readonly size: number;
  /** Copies that each shard is to have. */
  readonly factor: number;
  /** Draining nodes that must stay, as too few others are left. */
  readonly keptDrains: readonly NodeId[];
  readonly zoneCount: number;
  /** By node: index of its zone. */
  readonly zones: Int32Array;
  readonly weights: Float64Array;
  readonly #standings: NodeStanding[];
  /** `keptDrains`, by index. */
  readonly #kept = new Set<number>();
  readonly #indexes = new Map<NodeId, number>();
  readonly #freeBytesMin: number;

  constructor(view: ClusterView) {
    assert(
      Number.isInteger(view.effectiveFactor) && view.effectiveFactor >= 1,
      `The effective factor must be at least one: ${view.effectiveFactor}`,
    );
    this.nodes = allNodes(view);
    this.size = this.nodes.length;
    this.#freeBytesMin = view.limits?.freeBytesMin ?? freeBytesMinDefault;
    this.zones = new Int32Array(this.size);
    this.weights = new Float64Array(this.size);
    const zones = new Map<string, number>();
    for (const [i, node] of this.nodes.entries()) {
      const zone = node.zone === undefined ? `node:${node.nodeId}` : `zone:${node.zone}`;
      const index = zones.get(zone) ?? zones.size;
      zones.set(zone, index);
      this.zones[i] = index;
      this.weights[i] = node.weight ?? 1;
      this.#indexes.set(node.nodeId, i);
    }
    this.zoneCount = zones.size;
    this.#standings = this.nodes.map(standingOf);
    this.factor = factorOf(view, this.receiverCount);
    this.keptDrains = this.#keepDrains(view);
  }

  /**
   * Keeps draining nodes, those that answer and hold most, until each copy has a node. With them
   * there are just as many nodes as copies: a copy that is lost has nowhere else to go.
   */
  #keepDrains({ groups }: ClusterView): NodeId[] {
    const draining = this.nodes.map((_, i) => i).filter((i) => this.node(i).state === 'draining');
    const missing = this.factor - this.holderCount;
    if (draining.length === 0 || missing <= 0) {
      return [];
    }
    const loads = new Int32Array(this.size);
    for (const { nodeId } of groups.flatMap(({ replicas }) => replicas)) {
      loads[this.indexOf(nodeId)] = (loads[this.indexOf(nodeId)] as number) + 1;
    }
    const silent = (i: number): number => (this.node(i).live === false ? 1 : 0);
    const load = (i: number): number => loads[i] as number;
    draining.sort((a, b) => silent(a) - silent(b) || load(b) - load(a) || b - a);
    const kept = draining.slice(0, missing).sort((a, b) => a - b);
    for (const i of kept) {
      this.#standings[i] = 'frozen';
      this.#kept.add(i);
    }
    return kept.map((i) => this.idOf(i));
  }

  node(i: number): ViewNode {
    return this.nodes[i] as ViewNode;
  }

  idOf(i: number): NodeId {
    return this.node(i).nodeId;
  }

  /** The index of a node of the view or of its groups. */
  indexOf(nodeId: NodeId): number {
    const index = this.#indexes.get(nodeId);
    assert(index !== undefined, `Node ${nodeId} is not in the view`);
    return index;
  }

  find(nodeId: NodeId): number | undefined {
    return this.#indexes.get(nodeId);
  }

  standing(i: number): NodeStanding {
    return this.#standings[i] as NodeStanding;
  }

  /** May be given copies. */
  receives(i: number): boolean {
    const { live, steady } = this.node(i);
    const isKept = this.#kept.has(i) && live !== false && steady !== false;
    return isKept || this.standing(i) === 'target';
  }

  /** May keep the copies that it has. */
  holds(i: number): boolean {
    const standing = this.standing(i);
    return standing === 'target' || standing === 'frozen';
  }

  /** Counts for quorums now. */
  isAlive(i: number): boolean {
    return this.standing(i) !== 'lost' && this.node(i).live !== false;
  }

  isLost(i: number): boolean {
    return this.standing(i) === 'lost';
  }

  /**
   * May become a member of the system group, as every node does that answers until it is removed: a
   * drained one serves requests, too, and may have been drained before it became one.
   */
  joins(i: number): boolean {
    return this.isAlive(i);
  }

  /** May lead now. A node that is not steady keeps its leaderships: moving them is unrest, too. */
  leads(i: number): boolean {
    const { state, live } = this.node(i);
    return this.standing(i) === 'target' || (state === 'active' && live !== false);
  }

  /** May be the preferred leader: leads now, or will again after a while. */
  prefers(i: number): boolean {
    return this.holds(i) && this.node(i).state !== 'draining';
  }

  /** Bytes that copies may take on the node; Infinity if its free space is not known. */
  roomBytes(i: number): number {
    const { freeBytes } = this.node(i);
    return freeBytes === undefined ? Infinity : freeBytes - this.#freeBytesMin;
  }

  get holderCount(): number {
    return this.#count((i) => this.holds(i));
  }

  get receiverCount(): number {
    return this.#count((i) => this.receives(i));
  }

  #count(is: (i: number) => boolean): number {
    let count = 0;
    for (let i = 0; i < this.size; i++) {
      count += is(i) ? 1 : 0;
    }
    return count;
  }

  /** Nodes of each zone that may hold copies. */
  zoneCapacities(may: (i: number) => boolean = (i) => this.holds(i)): Int32Array {
    const capacities = new Int32Array(this.zoneCount);
    for (let i = 0; i < this.size; i++) {
      if (may(i)) {
        capacities[this.zones[i] as number] = (capacities[this.zones[i] as number] ?? 0) + 1;
      }
    }
    return capacities;
  }
}
