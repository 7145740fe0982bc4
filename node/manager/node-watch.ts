/**
 * Follows the nodes on the system group's leader: one that is silent for longer than the grace
 * period is dead, one that answers again is not; a drained one is empty; a maintenance is over; a
 * program knows more than before. Each is a command of the catalog, and may be said twice.
 *
 * Silence counts from this node's own election on at the earliest: what an earlier leader heard, it
 * does not know. It ends when the node answers steadily (`node-steadiness.ts`), not with a single
 * beat: one that crashes over and over is dead after the grace period, too, but never while it
 * answers. A failed store is dead at once: it never comes back (P11).
 */
import type { NodeId } from '../sys/network.ts';
import type { Catalog } from './catalog.ts';
import type { NodeRecord } from './catalog-records.ts';
import { shardsOn } from './node-state-commands.ts';
import { NodeSteadiness } from './node-steadiness.ts';
import type { SystemCommand } from './system-commands.ts';

export interface HeardNode {
  readonly live: boolean;
  /** 0: it did not say yet. */
  readonly featureVersionMax: number;
}

export interface NodeWatchParts {
  readonly catalog: Catalog;
  /** This node: it hears itself always. */
  readonly ownId: NodeId;
  heard(nodeId: NodeId): HeardNode;
  /** True if the node has a vote in the system group, or may have: nobody said lately. */
  mayVote(nodeId: NodeId): boolean;
}

interface Silence {
  readonly sinceMs: number;
  readonly sinceWallMs: number;
}

export class NodeWatch {
  readonly #parts: NodeWatchParts;
  readonly #silent = new Map<NodeId, Silence>();
  readonly #steadiness = new NodeSteadiness();

  constructor(parts: NodeWatchParts) {
    this.#parts = parts;
  }

  /** This node was elected: what it knows of silence begins now. */
  opened(): void {
    this.#silent.clear();
    this.#steadiness.clear();
  }

  /** It has not been lost of late. */
  isSteady(nodeId: NodeId, nowMs: number): boolean {
    return nodeId === this.#parts.ownId || this.#steadiness.isSteady(nodeId, nowMs);
  }

  /** Since when the node has been silent, by the wall clock; 0: it is not. */
  silentSinceMs(nodeId: NodeId): number {
    return this.#hears(nodeId) ? 0 : (this.#silent.get(nodeId)?.sinceWallMs ?? 0);
  }

  /** What to tell the catalog now. */
  look(nowMs: number, wallMs: number): SystemCommand[] {
    const commands: SystemCommand[] = [];
    for (const node of this.#parts.catalog.nodes.values()) {
      if (node.state !== 'removed') {
        this.#hear(node, nowMs, wallMs);
        commands.push(...this.#judge(node, nowMs, wallMs));
      }
    }
    return commands;
  }

  #hear({ nodeId }: NodeRecord, nowMs: number, wallMs: number): void {
    const isHeard = this.#hears(nodeId);
    this.#steadiness.note(nodeId, isHeard, nowMs);
    if (isHeard && this.isSteady(nodeId, nowMs)) {
      this.#silent.delete(nodeId);
    } else if (!isHeard && !this.#silent.has(nodeId)) {
      this.#silent.set(nodeId, { sinceMs: nowMs, sinceWallMs: wallMs });
    }
  }

  #hears(nodeId: NodeId): boolean {
    return nodeId === this.#parts.ownId || this.#parts.heard(nodeId).live;
  }

  #judge(node: NodeRecord, nowMs: number, wallMs: number): SystemCommand[] {
    const { nodeId } = node;
    const commands: SystemCommand[] = [];
    const { featureVersionMax } = this.#parts.heard(nodeId);
    if (featureVersionMax > 0 && featureVersionMax !== node.featureVersionMax) {
      commands.push({ op: 'announce', nodeId, featureVersionMax });
    }
    if (node.maintenanceUntilMs !== undefined && node.maintenanceUntilMs <= wallMs) {
      commands.push({ op: 'maintenanceOver', nodeId });
    }
    if (node.state === 'active' && this.#isDead(node, nowMs)) {
      commands.push({ op: 'nodeDead', nodeId });
    }
    const isBack = !this.#silent.has(nodeId) && node.quarantined === undefined;
    if (node.state === 'dead' && isBack) {
      commands.push({ op: 'nodeReturned', nodeId });
    }
    const isEmpty = node.state === 'draining' && shardsOn(this.#parts.catalog, nodeId).length === 0;
    if (isEmpty && !this.#parts.mayVote(nodeId)) {
      commands.push({ op: 'nodeDrained', nodeId });
    }
    return commands;
  }

  #isDead(node: NodeRecord, nowMs: number): boolean {
    if (node.quarantined !== undefined) {
      return true;
    }
    const silence = this.#silent.get(node.nodeId);
    const { deadNodeGraceMs } = this.#parts.catalog.settings;
    const isAway =
      silence !== undefined &&
      !this.#hears(node.nodeId) &&
      nowMs - silence.sinceMs >= deadNodeGraceMs;
    return isAway && node.maintenanceUntilMs === undefined;
  }
}
