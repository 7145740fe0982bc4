/**
 * A simulated cluster as its operator sees it: nodes join, are drained, removed, lost, and what is
 * true in the end is asked of the groups themselves. Steps fail with a sentence.
 */
import { assert, must } from '../lib/assert.ts';
import { isDynakvError } from '../lib/errors.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type { AdminRequest, ChangeCommand, ChangeReply } from '../manager/admin-requests.ts';
import type { NodeState } from '../manager/catalog-records.ts';
import type { Fence } from '../manager/fence.ts';
import type { SystemCommand } from '../manager/system-commands.ts';
import { systemGroupId } from '../shards/groups.ts';
import type { NodeId } from '../sys/network.ts';
import { SimCluster } from './cluster.ts';
import type { SimClusterOptions } from './cluster.ts';

const commandMs = 20_000;
const attemptsMax = 50;

type WithoutOp<T> = T extends unknown ? Omit<T, 'op'> : never;
type Unfenced<T> = T extends unknown ? Omit<T, 'fence'> : never;

/** Who holds a group by its leader's own configuration. */
export interface Held {
  readonly leader: NodeId;
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  readonly joint: boolean;
}

export class ManagedCluster {
  readonly sim: SimCluster;

  constructor(options: SimClusterOptions | SimCluster) {
    this.sim = options instanceof SimCluster ? options : new SimCluster(options);
  }

  /**
   * A node that runs, the one that manages if there is one: a node that was removed knows nobody.
   */
  any(): NodeCore {
    if (this.manager !== undefined) {
      return this.manager;
    }
    const cores = this.sim.nodeIds.map((nodeId) => this.sim.core(nodeId));
    return must(cores.find((core) => core?.catalog.isLoaded === true));
  }

  /** The catalog as its leader has it; any node's if there is none. */
  get catalog(): NodeCore['catalog'] {
    return (this.manager ?? this.any()).catalog;
  }

  /** The node that manages. */
  get manager(): NodeCore | undefined {
    const cores = this.sim.nodeIds.map((nodeId) => this.sim.core(nodeId));
    const managing = cores.filter((core) => core !== undefined && core.manager.term > 0);
    return managing.sort((a, b) => (b?.manager.term ?? 0) - (a?.manager.term ?? 0))[0];
  }

  /** A command of the system group through any node, until it is answered or refused. */
  async tell(command: SystemCommand): Promise<unknown> {
    for (let attempt = 0; ; attempt++) {
      const { router, parts } = this.any();
      try {
        const deadlineMs = parts.clock.monotonicMs() + commandMs;
        return await this.sim.settle(router.system(command, deadlineMs));
      } catch (error) {
        if (attempt >= attemptsMax || isDynakvError(error, 'Refused')) {
          throw error;
        }
        await this.sim.scheduler.runFor(100);
      }
    }
  }

  /** An admin call, as a node passes it on. */
  async admin<T>(request: WithoutOp<AdminRequest>): Promise<T> {
    return (await this.tell({ op: 'admin', ...request } as never)) as T;
  }

  /** A change of a node, as seen now. */
  async change(command: Unfenced<ChangeCommand>, fence: Partial<Fence> = {}): Promise<ChangeReply> {
    const { catalog } = this;
    const nodeId = 'nodeId' in command ? command.nodeId : 0;
    const revision =
      catalog.nodes.get(nodeId)?.revision ??
      (command.op === 'updateSettings' ? catalog.settings.revision : catalog.plan.revision);
    const whole = { controlEpoch: 0, expectedRevision: revision, ...fence };
    const fenced = { ...command, fence: whole } as ChangeCommand;
    return await this.admin<ChangeReply>({ verb: 'change', command: fenced });
  }

  #fenceOf(nodeId: NodeId): { readonly controlEpoch: number; readonly expectedRevision: number } {
    const { revision } = must(this.catalog.nodes.get(nodeId), `There is no node ${nodeId}`);
    return { controlEpoch: 0, expectedRevision: revision };
  }

  /** A new node, active once it has the catalog. */
  async grow(through: NodeId = this.any().host.nodeId): Promise<NodeId> {
    const nodeId = await this.sim.addNode(through);
    await this.until('the node has the catalog', () => {
      return this.sim.core(nodeId)?.catalog.isLoaded === true;
    });
    await this.setState(nodeId, 'active');
    return nodeId;
  }

  async setState(nodeId: NodeId, state: 'active' | 'draining'): Promise<void> {
    const fence = this.#fenceOf(nodeId);
    await this.tell({ op: 'setNodeState', nodeId, state, owner: 'test', fence });
  }

  /** Tombstones the node; its process, which would only say so, ends. */
  async remove(nodeId: NodeId): Promise<void> {
    await this.tell({ op: 'removeNode', nodeId, fence: this.#fenceOf(nodeId) });
    this.sim.crash(nodeId, false);
  }

  stateOf(nodeId: NodeId): NodeState | undefined {
    return this.catalog.nodes.get(nodeId)?.state;
  }

  async untilState(nodeId: NodeId, state: NodeState, limitMs?: number): Promise<void> {
    await this.until(`node ${nodeId} is ${state}`, () => this.stateOf(nodeId) === state, limitMs);
  }

  async until(what: string, holds: () => boolean, limitMs = 120_000): Promise<void> {
    const isSo = await this.sim.scheduler.runUntil(holds, limitMs);
    assert(isSo, `It did not come to be within ${limitMs} simulated ms: ${what}`);
  }

  /** Who holds the group, by whoever leads it; undefined if nobody does. */
  held(groupId: number): Held | undefined {
    const leaders = this.sim.nodeIds.flatMap((nodeId) => {
      const group = this.sim.core(nodeId)?.host.groups.get(groupId);
      return group !== undefined && group.openTerm > 0 ? [{ nodeId, group }] : [];
    });
    const best = leaders.sort((a, b) => b.group.term - a.group.term)[0];
    if (best === undefined) {
      return undefined;
    }
    const { voters, votersOutgoing, learners } = best.group.replica.confState;
    const nodesOf = (ids: readonly number[]): NodeId[] =>
      ids.map((id) => best.group.nodes.get(id) ?? 0).sort((a, b) => a - b);
    return {
      leader: best.nodeId,
      voters: nodesOf(voters),
      learners: nodesOf(learners),
      joint: votersOutgoing.length > 0,
    };
  }

  get groupIds(): readonly number[] {
    return [...this.catalog.groups.keys()];
  }

  get shardIds(): readonly number[] {
    return this.groupIds.filter((groupId) => groupId !== systemGroupId);
  }

  /** Copies of shards on a node, by the groups' own word. */
  copiesOn(nodeId: NodeId): number {
    return this.shardIds.filter((groupId) => this.held(groupId)?.voters.includes(nodeId)).length;
  }

  /** The plan is done, every group is led, by its members alone, and nothing is left over. */
  isSettled(): boolean {
    const { catalog } = this;
    if (this.manager === undefined || catalog.moves.size > 0) {
      return false;
    }
    return this.groupIds.every((groupId) => {
      const held = this.held(groupId);
      const record = catalog.groups.get(groupId);
      const members = [...(held?.voters ?? []), ...(held?.learners ?? [])].sort((a, b) => a - b);
      const listed = record?.replicas.map((replica) => replica.nodeId).sort((a, b) => a - b);
      const isShard = groupId !== systemGroupId;
      return (
        held !== undefined &&
        !held.joint &&
        JSON.stringify(members) === JSON.stringify(listed) &&
        (!isShard || held.learners.length === 0)
      );
    });
  }

  /** The plan came to rest, and stays there. */
  async settle(limitMs = 300_000): Promise<void> {
    for (let looks = 0; looks < 3; looks++) {
      await this.until('the plan is done', () => this.isSettled(), limitMs);
      await this.sim.scheduler.runFor(6_000);
    }
    assert(this.isSettled(), 'The plan stays done');
  }
}
