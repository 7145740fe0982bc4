/**
 * A database without data, for tests of the operator: what the nodes of a cluster say and do over
 * the admin service, in memory. Disks belong to pods by name and outlive them; members, fences
 * (control epoch, revision) and refusals are as in the real one; a node that is drained loses some
 * shards each time somebody looks. It keeps count of what must never be asked.
 */
import type { AdminHandlers } from '../../node/admin/grpc-admin.ts';
import type { Fence, Member } from '../../node/contract/gen/admin_pb.ts';
import { DynakvError } from '../../node/lib/errors.ts';

interface ModelNode {
  readonly nodeId: number;
  readonly pod: string;
  readonly member: Pick<Member, 'address' | 'clientAddress' | 'opsAddress' | 'zone'>;
  state: 'joining' | 'active' | 'draining' | 'drained' | 'removed';
  owner: string;
  evicting: boolean;
  maintenanceUntilMs: number;
  revision: number;
}

interface Disk {
  readonly clusterId: string;
  readonly nodeId: number;
}

/** Shards that leave a node between two looks: a drain of the default 64 takes a few. */
const movesAtATime = 8;

export interface ModelDatabaseOptions {
  readonly nowMs: () => number;
  /** Whether the process in a pod of this name runs. */
  readonly runs: (pod: string) => boolean;
}

export class ModelDatabase {
  readonly nodes: ModelNode[] = [];
  /** Node ids that hold a copy, by shard. */
  readonly shards: number[][] = [];
  readonly disks = new Map<string, Disk>();
  /** Changes that were carried out, in words, in order. */
  readonly log: string[] = [];
  /** What nobody may ever ask for. */
  readonly violations: string[] = [];
  controlEpoch = 0;
  controlHolder = '';
  /** Reason by which every preflight of a drain is refused; empty: none is. */
  drainRefusal = '';
  /** Drained nodes keep their shards as long as this holds. */
  isMovementStopped = false;
  settings = {
    ...{ rebalanceMode: 'Auto', concurrentMovesMax: 2, snapshotBytesPerSecond: 1e8 },
    ...{ deadNodeGraceMs: 300_000, replicationFactor: 3, finalizeMode: 'Auto', revision: 1 },
  };
  readonly #options: ModelDatabaseOptions;
  #clusterId = '';

  constructor(options: ModelDatabaseOptions) {
    this.#options = options;
  }

  get clusterId(): string {
    return this.#clusterId;
  }

  /** Nodes that are members and not on their way out, by id. */
  get activeIds(): readonly number[] {
    return this.nodes.filter((node) => node.state === 'active').map((node) => node.nodeId);
  }

  /** The volume of a pod is gone, with what was on it. */
  wipe(pod: string): void {
    const disk = this.disks.get(pod);
    if (disk !== undefined && this.shards.some((ids) => ids.includes(disk.nodeId))) {
      this.violations.push(`the volume of ${pod} was deleted with shards on it`);
    }
    this.disks.delete(pod);
  }

  /** The service of the process in a pod. */
  handlersOf(pod: string): AdminHandlers {
    const awake =
      <Request, Response>(answer: (request: Request) => Response) =>
      async (request: Request): Promise<Response> => {
        if (!this.#options.runs(pod)) {
          throw new DynakvError('Unavailable', `${pod} does not run`);
        }
        return await Promise.resolve(answer(request));
      };
    return {
      identify: awake(() => this.#identify(pod)),
      init: awake(({ clusterId, members, shardCount, replicationFactor }) => {
        this.#init(clusterId, members, { shardCount, replicationFactor });
        return {};
      }),
      joinCluster: awake(({ member }) => this.#join(pod, member)),
      status: awake(() => this.#status(pod)),
      acquireControl: awake(({ holder }) => {
        this.controlEpoch += 1;
        this.controlHolder = holder;
        return { controlEpoch: this.controlEpoch };
      }),
      getSettings: awake(() => ({ settings: this.settings })),
      updateSettings: awake(({ fence, settings }) => {
        this.#checkFence(fence, this.settings.revision);
        const change = Object.entries(settings ?? {}).filter(
          ([name, value]) => name in this.settings && name !== 'revision' && Boolean(value),
        );
        const revision = this.settings.revision + 1;
        this.settings = { ...this.settings, ...Object.fromEntries(change), revision };
        this.log.push('settings');
        return { settings: this.settings };
      }),
      plan: awake(({ drainNodeIds }) => this.#plan(drainNodeIds)),
      setNodeState: awake(({ fence, nodeId, state, owner }) =>
        this.#change(fence, nodeId, `${state} n${nodeId}`, (node) => {
          node.state = state as ModelNode['state'];
          node.owner = state === 'draining' ? owner : '';
        }),
      ),
      getDrainProgress: awake(({ nodeId }) => this.#drain(nodeId)),
      removeNode: awake(({ fence, nodeId }) =>
        this.#change(fence, nodeId, `remove n${nodeId}`, (node) => this.#remove(node)),
      ),
      evictLeaders: awake(({ fence, nodeId, evict }) =>
        this.#change(fence, nodeId, `evict n${nodeId} ${evict}`, (node) => {
          node.evicting = evict;
        }),
      ),
      setMaintenance: awake(({ fence, nodeId, durationMs }) =>
        this.#change(fence, nodeId, `maintenance n${nodeId} ${durationMs > 0}`, (node) => {
          node.maintenanceUntilMs = durationMs > 0 ? this.#options.nowMs() + durationMs : 0;
        }),
      ),
    };
  }

  #identify(pod: string): Awaited<ReturnType<NonNullable<AdminHandlers['identify']>>> {
    const disk = this.disks.get(pod);
    const node = this.nodes.find((each) => each.nodeId === disk?.nodeId);
    const state = disk === undefined ? 'empty' : node?.state === 'removed' ? 'removed' : 'member';
    return {
      ...{ state, clusterId: disk?.clusterId ?? '', nodeId: disk?.nodeId ?? 0 },
      ...{ storeId: `store-${pod}`, bootId: `boot-${pod}`, version: '1.0.0' },
    };
  }

  /** Again with the same plan it changes nothing. */
  #init(
    clusterId: string,
    members: readonly Member[],
    fixed: { readonly shardCount: number; readonly replicationFactor: number },
  ): void {
    if (this.#clusterId !== '' && this.#clusterId !== clusterId) {
      this.violations.push(`a second database ${clusterId} beside ${this.#clusterId}`);
      throw new DynakvError('Refused', 'There is another database', { reason: 'WrongCluster' });
    }
    if (this.#clusterId === clusterId) {
      return;
    }
    this.#clusterId = clusterId;
    this.log.push('init');
    for (const member of members) {
      this.#add(podOf(member), member.nodeId, member).state = 'active';
    }
    const ids = members.map((member) => member.nodeId);
    const copies = Math.min(fixed.replicationFactor, ids.length);
    for (let shard = 0; shard < fixed.shardCount; shard += 1) {
      this.shards.push(
        Array.from({ length: copies }, (_, copy) => ids[(shard + copy) % ids.length] ?? 0),
      );
    }
  }

  #join(pod: string, member: Member | undefined): { clusterId: string; nodeId: number } {
    const disk = this.disks.get(pod);
    if (disk !== undefined) {
      return disk;
    }
    const nodeId = Math.max(0, ...this.nodes.map((node) => node.nodeId)) + 1;
    const { address = '', clientAddress = '', opsAddress = '', zone = '' } = member ?? {};
    this.#add(pod, nodeId, { address, clientAddress, opsAddress, zone });
    this.log.push(`join ${pod} as n${nodeId}`);
    return { clusterId: this.#clusterId, nodeId };
  }

  #add(pod: string, nodeId: number, member: ModelNode['member']): ModelNode {
    const { address, clientAddress, opsAddress, zone } = member;
    const node: ModelNode = {
      ...{ nodeId, pod, member: { address, clientAddress, opsAddress, zone }, state: 'joining' },
      ...{ owner: '', evicting: false, maintenanceUntilMs: 0, revision: 1 },
    };
    this.nodes.push(node);
    this.disks.set(pod, { clusterId: this.#clusterId, nodeId });
    return node;
  }

  #checkFence(fence: Fence | undefined, revision: number): void {
    if (fence?.controlEpoch !== this.controlEpoch) {
      throw new DynakvError('Refused', `${this.controlHolder} is in control`, {
        reason: 'ControlConflict',
      });
    }
    if (fence.expectedRevision !== revision) {
      throw new DynakvError('Refused', `It is at revision ${revision}`, {
        reason: 'RevisionConflict',
      });
    }
  }

  #change(
    fence: Fence | undefined,
    nodeId: number,
    what: string,
    change: (node: ModelNode) => void,
  ): { revision: number; changed: boolean } {
    const node = this.#node(nodeId);
    this.#checkFence(fence, node.revision);
    change(node);
    node.revision += 1;
    this.log.push(what);
    return { revision: node.revision, changed: true };
  }

  #node(nodeId: number): ModelNode {
    const node = this.nodes.find((each) => each.nodeId === nodeId);
    if (node === undefined || node.state === 'removed') {
      throw new DynakvError('Refused', `There is no node ${nodeId}`, { reason: 'UnknownNode' });
    }
    return node;
  }

  #remove(node: ModelNode): void {
    if (this.#heldBy(node.nodeId) > 0) {
      this.violations.push(`node ${node.nodeId} was to be removed with shards on it`);
      throw new DynakvError('Refused', 'It holds shards', { reason: 'HoldsReplicas' });
    }
    node.state = 'removed';
  }

  #heldBy(nodeId: number): number {
    return this.shards.filter((ids) => ids.includes(nodeId)).length;
  }

  #runs(node: ModelNode): boolean {
    return node.state !== 'removed' && this.#options.runs(node.pod);
  }

  #leaderOf(ids: readonly number[], shard: number): number {
    const able = this.nodes.filter(
      (node) => ids.includes(node.nodeId) && this.#runs(node) && !node.evicting,
    );
    return able[shard % Math.max(1, able.length)]?.nodeId ?? 0;
  }

  /** What goes on by itself between two looks: shards leave the nodes that are drained. */
  #advance(): void {
    for (const node of this.nodes.filter((each) => each.state === 'draining')) {
      const held = this.shards.filter((ids) => ids.includes(node.nodeId));
      if (held.length === 0) {
        node.state = 'drained';
        node.revision += 1;
      }
      for (const shard of this.isMovementStopped ? [] : held.slice(0, movesAtATime)) {
        const target = this.activeIds.find((id) => !shard.includes(id));
        shard[shard.indexOf(node.nodeId)] = target ?? node.nodeId;
      }
    }
  }

  #plan(drained: readonly number[]): Awaited<ReturnType<NonNullable<AdminHandlers['plan']>>> {
    const left = this.activeIds.filter((id) => !drained.includes(id)).length;
    const reason =
      drained.length > 0 && left < this.settings.replicationFactor
        ? 'BelowReplicationFactor'
        : drained.length > 0
          ? this.drainRefusal
          : '';
    const message = `${left} nodes would be left`;
    return {
      refusals: reason === '' ? [] : [{ reason, message }],
      ...{ movesTotal: drained.length, bytes: 0, seconds: 0 },
    };
  }

  #drain(nodeId: number): Awaited<ReturnType<NonNullable<AdminHandlers['getDrainProgress']>>> {
    this.#advance();
    const node = this.#node(nodeId);
    const nowMs = this.#options.nowMs();
    return {
      ...{ state: node.state, revision: node.revision, shardsRemaining: this.#heldBy(nodeId) },
      ...{ leadersRemaining: 0, bytesRemaining: 0, startedAtMs: nowMs, lastProgressAtMs: nowMs },
      ...{ blockedBy: [], owner: node.owner },
    };
  }

  #status(pod: string): Awaited<ReturnType<NonNullable<AdminHandlers['status']>>> {
    this.#advance();
    const { clusterId } = this;
    const leaders = this.shards.map((ids, shard) => this.#leaderOf(ids, shard));
    const here = this.disks.get(pod)?.nodeId ?? 0;
    return {
      ...{ clusterId, nodeId: here, ready: true, shardCount: this.shards.length },
      ...{ replicationFactor: this.settings.replicationFactor, featureVersion: 1 },
      nodes: this.nodes.map((node) => ({
        member: { nodeId: node.nodeId, storeId: `store-${node.pod}`, ...node.member },
        ...{ state: node.state, bootId: `boot-${node.pod}`, version: '1.0.0' },
        replicaCount: this.#heldBy(node.nodeId),
        leaderCount: leaders.filter((id) => id === node.nodeId).length,
        ...{ revision: node.revision, answers: this.#runs(node), ready: this.#runs(node) },
        ...{ evictingLeaders: node.evicting, maintenanceUntilMs: node.maintenanceUntilMs },
        ...{ storeId: `store-${node.pod}`, drainOwner: node.owner, featureVersionMax: 1 },
      })),
      groups: this.shards.map((ids, shard) => ({
        ...{ groupId: shard + 1, leaderNodeId: leaders[shard] ?? 0, term: 1, commitIndex: 1 },
        replicas: ids.map((nodeId) => ({
          ...{ nodeId, replicaId: nodeId, role: 'voter', appliedIndex: 1, known: true },
        })),
      })),
      effectiveReplicationFactor: this.settings.replicationFactor,
      systemLeaderNodeId: this.nodes.find((node) => this.#runs(node))?.nodeId ?? 0,
      ...{ controlEpoch: this.controlEpoch, controlHolder: this.controlHolder },
    };
  }
}

/** `demo-1.demo-peers.default.svc:7000` → `demo-1`. */
function podOf(member: Pick<Member, 'address'>): string {
  return member.address.split('.')[0] ?? '';
}
