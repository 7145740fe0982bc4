/**
 * A small model of a cluster for tests of the plan: a StatefulSet whose pods come and go a tick
 * later, volumes that outlive them, and a database that moves a shard a tick. Steps of a plan are
 * applied to it as Kubernetes and the database would. It also watches: what must never be, throws.
 */
import type { GroupView, NodeView, StatusView } from '../../node/contract/status-types.ts';
import type { ClusterSpec } from '../api/cluster-spec.ts';
import type { IdentityView, Observed, PlanReport, PodView } from '../api/observed.ts';
import { noteReplicas } from './contested-replicas.ts';
import { makePlan } from './plan.ts';
import { makeRound } from './round.ts';
import type { PlanMemory } from './round.ts';
import { describeStep } from './step.ts';
import type { Step } from './step.ts';

interface ModelPod {
  uid: string;
  hash: string;
  ageTicks: number;
  terminatingTicks: number;
}

interface ModelClaim {
  uid: string;
  clusterId: string;
  nodeId: string;
  retiredNodeId: string;
  isOwned: boolean;
  /** What is on the disk. */
  disk: { clusterId: string; nodeId: number } | undefined;
}

interface ModelNode {
  id: number;
  ordinal: number;
  state: string;
  evicting: boolean;
  maintenance: boolean;
  owner: string;
  revision: number;
}

interface ModelSet {
  replicas: number;
  hash: string;
  lastGood: string;
  failed: string;
}

export const tickMs = 1_000;
const startTicks = 2;
const shardCount = 8;

export class TestingWorld {
  readonly log: string[] = [];
  nowMs = 1_700_000_000_000;
  uid = 'cluster-1';
  spec: ClusterSpec;
  wantedHash = 'v1';
  /** Pods of these templates crash. */
  readonly badHashes = new Set<string>();
  /** Pods by ordinal that do not come up, whatever they are made from. */
  readonly brokenOrdinals = new Set<number>();
  set: ModelSet | undefined;
  readonly pods = new Map<number, ModelPod>();
  readonly claims = new Map<number, ModelClaim>();
  nodes: ModelNode[] = [];
  /** Node ids by shard. */
  shards: number[][] = [];
  clusterId = '';
  memory: PlanMemory = { lowerSinceMs: 0, evictingSinceMs: new Map() };
  report: PlanReport = { operations: [], problems: [] };
  drainFreezes = false;
  /** Machines by number. */
  readonly cordoned = new Set<number>();
  /** Who sets `spec.replicas`. */
  managedBy = 'person';
  #uids = 0;

  constructor(spec: ClusterSpec) {
    this.spec = spec;
  }

  /** Ticks until it holds; fails after `ticks`. */
  run(what: string, holds: () => boolean, ticks = 400): void {
    for (let tick = 0; tick < ticks; tick += 1) {
      if (holds()) {
        return;
      }
      this.tick();
    }
    throw new Error(`It did not come to this: ${what}\n${this.log.slice(-30).join('\n')}`);
  }

  tick(): void {
    for (const step of this.decide()) {
      this.apply(step);
    }
    this.advance();
  }

  /** The world goes on by itself. */
  advance(): void {
    this.nowMs += tickMs;
    this.#runSet();
    this.#runDatabase();
    this.#check();
  }

  decide(): readonly Step[] {
    const observed = this.observe();
    const drain = this.nodes.find((node) => node.state === 'draining');
    const base: PlanMemory = {
      ...this.memory,
      ...this.#remembered(),
      drain: drain && {
        ...{ nodeId: drain.id, shardsRemaining: this.#heldBy(drain.id), leadersRemaining: 0 },
        ...{ bytesRemaining: 0, startedAtMs: this.nowMs, lastProgressAtMs: this.nowMs },
        blockedBy: [],
      },
      drainRefusals: this.#refusals(),
    };
    const isLower = this.spec.replicas < makeRound(observed, base).floor;
    const lowerSinceMs = isLower ? this.memory.lowerSinceMs || this.nowMs : 0;
    this.memory = { ...base, lowerSinceMs };
    const { steps, report } = makePlan(observed, this.memory);
    this.report = report;
    for (const step of steps) {
      this.log.push(describeStep(step));
    }
    return steps;
  }

  #remembered(): Pick<PlanMemory, 'cordonedSinceMs' | 'replicasChanges'> {
    const since = this.memory.cordonedSinceMs;
    const names = [...this.cordoned].map((zone) => `m${zone}`);
    const change = { manager: this.managedBy, replicas: this.spec.replicas, atMs: this.nowMs };
    return {
      cordonedSinceMs: new Map(names.map((name) => [name, since?.get(name) ?? this.nowMs])),
      replicasChanges: noteReplicas(this.memory.replicasChanges ?? [], change),
    };
  }

  /** The operator starts anew. */
  forget(): void {
    this.memory = { lowerSinceMs: 0, evictingSinceMs: new Map() };
  }

  apply(step: Step): void {
    const set = this.set;
    switch (step.kind) {
      case 'createSet':
        this.set = { replicas: step.replicas, hash: this.wantedHash, lastGood: '', failed: '' };
        return;
      case 'scaleSet':
        if (set !== undefined) {
          set.replicas = step.replicas;
        }
        return;
      case 'writeTemplate':
        if (set !== undefined) {
          const lastGood = set.lastGood || set.hash;
          this.set = { ...set, lastGood, hash: this.wantedHash, failed: '' };
        }
        return;
      case 'confirmTemplate':
        if (set !== undefined) {
          this.set = { ...set, lastGood: '', failed: '' };
        }
        return;
      case 'restoreTemplate':
        if (set !== undefined) {
          this.set = { ...set, hash: set.lastGood, lastGood: '', failed: step.failedHash };
        }
        return;
      case 'deletePod': {
        const pod = this.pods.get(step.pod.ordinal);
        if (pod?.uid === step.pod.uid) {
          pod.terminatingTicks = 1;
        }
        return;
      }
      default:
        this.#applyToData(step);
    }
  }

  observe(): Observed {
    const { set } = this;
    return {
      nowMs: this.nowMs,
      cluster: {
        ...{ apiVersion: 'dynakv.dev/v1alpha1', kind: 'DynamoCluster', spec: this.spec },
        metadata: { name: 'demo', namespace: 'test', uid: this.uid, generation: 1 },
      },
      statefulSet: set && {
        ...{ uid: 's', resourceVersion: '1', generation: 1, observedGeneration: 1 },
        ...{ replicas: set.replicas, templateHash: set.hash, image: 'i', terminating: false },
        ...{ isOnTrial: set.lastGood !== '', failedTemplateHash: set.failed, isOwn: true },
      },
      pods: [...this.pods.keys()].sort().map((ordinal) => this.podView(ordinal)),
      claims: [...this.claims].map(([ordinal, claim]) => ({
        ...{ name: `data-demo-${ordinal}`, ordinal, uid: claim.uid, resourceVersion: '1' },
        ...{ terminating: false, clusterId: claim.clusterId, nodeId: claim.nodeId },
        retiredNodeId: claim.retiredNodeId,
        isOwned: claim.isOwned,
      })),
      machines: [0, 1, 2].map((zone) => ({
        ...{ name: `m${zone}`, zone: `z${zone}`, ready: true },
        cordoned: this.cordoned.has(zone),
      })),
      certificates: [],
      wantedTemplateHash: this.wantedHash,
      database: { identities: this.#identities(), status: this.#status(), failure: '' },
    };
  }

  podView(ordinal: number): PodView {
    const pod = this.pods.get(ordinal);
    const ready = this.isReady(ordinal);
    const fails = pod !== undefined && this.#fails(ordinal, pod) && pod.ageTicks >= startTicks;
    return {
      ...{ name: `demo-${ordinal}`, ordinal, uid: pod?.uid ?? '', resourceVersion: '1', ready },
      ...{ readySinceMs: ready ? this.nowMs - 70_000 : 0, createdAtMs: this.nowMs },
      ...{ terminating: (pod?.terminatingTicks ?? 0) > 0, templateHash: pod?.hash ?? '' },
      ...{ image: 'i', machine: `m${ordinal % 3}`, ip: '192.0.2.1', restarts: fails ? 3 : 0 },
      ...{ failure: fails ? 'CrashLoopBackOff' : '', failureMessage: '' },
    };
  }

  isReady(ordinal: number): boolean {
    const pod = this.pods.get(ordinal);
    return (
      pod !== undefined &&
      pod.terminatingTicks === 0 &&
      pod.ageTicks >= startTicks &&
      !this.#fails(ordinal, pod) &&
      this.nodes.some((node) => node.ordinal === ordinal && node.state !== 'removed')
    );
  }

  /** All is as the spec says. */
  isSettled(): boolean {
    const nodes = this.nodes.filter((node) => node.state !== 'removed');
    const { replicas } = this.spec;
    return (
      this.set?.replicas === replicas &&
      this.pods.size === replicas &&
      nodes.length === replicas &&
      nodes.every((node) => node.state === 'active' && !node.evicting && !node.maintenance) &&
      nodes.every((node) => this.claims.get(node.ordinal)?.nodeId === String(node.id)) &&
      [...this.pods].every(
        ([ordinal, pod]) => this.isReady(ordinal) && pod.hash === this.wantedHash,
      )
    );
  }

  #fails(ordinal: number, pod: ModelPod): boolean {
    return this.badHashes.has(pod.hash) || this.brokenOrdinals.has(ordinal);
  }

  #runs(ordinal: number): boolean {
    const pod = this.pods.get(ordinal);
    return (
      pod !== undefined &&
      pod.terminatingTicks === 0 &&
      pod.ageTicks >= startTicks - 1 &&
      !this.#fails(ordinal, pod)
    );
  }

  #heldBy(nodeId: number): number {
    return this.shards.filter((voters) => voters.includes(nodeId)).length;
  }

  #refusals(): { reason: string; message: string }[] {
    const active = this.nodes.filter((node) => node.state === 'active');
    return active.length > this.#factor()
      ? []
      : [{ reason: 'BelowReplicationFactor', message: `${active.length} nodes, 3 copies` }];
  }

  #factor(): number {
    return this.shards[0]?.length ?? 3;
  }

  #identities(): IdentityView[] {
    return [...this.pods].flatMap(([ordinal, pod]) => {
      const disk = this.claims.get(ordinal)?.disk;
      const node = this.nodes.find((each) => each.id === disk?.nodeId);
      const state = disk === undefined ? 'empty' : node?.state === 'removed' ? 'removed' : 'member';
      return this.#runs(ordinal)
        ? [
            {
              ...{ pod: `demo-${ordinal}`, podUid: pod.uid, state, bootId: pod.uid, version: '1' },
              ...{ clusterId: disk?.clusterId ?? '', nodeId: disk?.nodeId ?? 0, storeId: '' },
            },
          ]
        : [];
    });
  }

  #status(): StatusView | undefined {
    const live = this.nodes.filter((node) => node.state !== 'removed' && this.#runs(node.ordinal));
    if (this.clusterId === '' || live.length === 0) {
      return undefined;
    }
    const groups = this.shards.map((voters, index) => this.#group(voters, index + 1));
    return {
      ...{ clusterId: this.clusterId, nodeId: live[0]?.id ?? 0, ready: true, shardCount },
      ...{ replicationFactor: 3, nodes: this.nodes.map((node) => this.#node(node)), groups },
      ...{ problems: [], featureVersion: 1, effectiveReplicationFactor: 3 },
      ...{ systemLeaderNodeId: live[0]?.id ?? 0, controlEpoch: 1, controlHolder: 'operator' },
    };
  }

  #leaderOf(voters: readonly number[], index: number): number {
    const able = voters.filter((id) => {
      const node = this.nodes.find((each) => each.id === id);
      return node !== undefined && !node.evicting && this.#runs(node.ordinal);
    });
    return able[index % Math.max(1, able.length)] ?? voters[0] ?? 0;
  }

  #group(voters: readonly number[], groupId: number): GroupView {
    return {
      ...{ groupId, leaderNodeId: this.#leaderOf(voters, groupId), term: 1, commitIndex: 1 },
      ...{ asleep: false, configurationIndex: 0, joint: false, hashFrom: 0, hashTo: 1, bytes: 0 },
      replicas: voters.map((nodeId) => ({
        ...{ nodeId, replicaId: nodeId, role: 'voter', appliedIndex: 1, lag: 0, known: true },
      })),
    };
  }

  #node(node: ModelNode): NodeView {
    const address = `demo-${node.ordinal}.demo-peers.test.svc:7000`;
    const leaderCount = this.shards.filter(
      (voters, index) => this.#leaderOf(voters, index + 1) === node.id,
    ).length;
    return {
      member: { nodeId: node.id, address, clientAddress: '', opsAddress: '', zone: '' },
      ...{ state: node.state, bootId: '', version: '1', replicaCount: this.#heldBy(node.id) },
      ...{ leaderCount, revision: node.revision, answers: this.#runs(node.ordinal), storeId: '' },
      evictingLeaders: node.evicting,
      maintenanceUntilMs: node.maintenance ? this.nowMs + 600_000 : 0,
      ...{ silentSinceMs: 0, usedBytes: 0, freeBytes: 0, featureVersionMax: 1, quarantined: '' },
      ...{ drainOwner: node.owner, ready: this.#runs(node.ordinal) },
    };
  }

  #runSet(): void {
    const { set } = this;
    for (const [ordinal, pod] of this.pods) {
      pod.ageTicks += 1;
      if (set === undefined || ordinal >= set.replicas) {
        pod.terminatingTicks += 1;
      }
      if (pod.terminatingTicks > 1) {
        this.pods.delete(ordinal);
      } else if (pod.terminatingTicks === 1) {
        pod.terminatingTicks = 2;
      }
    }
    for (let ordinal = 0; ordinal < (set?.replicas ?? 0); ordinal += 1) {
      if (!this.pods.has(ordinal)) {
        const uid = `pod-${(this.#uids += 1)}`;
        this.pods.set(ordinal, { uid, hash: set?.hash ?? '', ageTicks: 0, terminatingTicks: 0 });
        const none = { clusterId: '', nodeId: '', retiredNodeId: '' };
        const claim = { uid: `claim-${this.#uids}`, ...none, isOwned: false };
        this.claims.set(ordinal, this.claims.get(ordinal) ?? { ...claim, disk: undefined });
      }
    }
  }

  #runDatabase(): void {
    const active = this.nodes.filter((node) => node.state === 'active');
    for (const node of this.nodes.filter((each) => each.state === 'draining')) {
      const shard = this.shards.find((voters) => voters.includes(node.id));
      const target = active.find((each) => shard !== undefined && !shard.includes(each.id));
      if (shard === undefined) {
        node.state = 'drained';
        node.revision += 1;
      } else if (target !== undefined && !this.drainFreezes) {
        shard[shard.indexOf(node.id)] = target.id;
      }
    }
  }

  /** No shard is ever without a majority of disks, and data is never on a retired volume alone. */
  #check(): void {
    for (const voters of this.shards) {
      const disks = voters.filter((id) =>
        [...this.claims.values()].some((claim) => claim.disk?.nodeId === id),
      );
      if (disks.length !== voters.length) {
        throw new Error(`A shard has lost a copy: ${voters.join()}\n${this.log.join('\n')}`);
      }
    }
  }

  #applyToData(step: Step): void {
    switch (step.kind) {
      case 'init':
        this.#init(step);
        return;
      case 'join': {
        const id = Math.max(...this.nodes.map((node) => node.id)) + 1;
        this.#addNode(id, step.pod.ordinal, 'joining');
        return;
      }
      case 'labelClaim':
        Object.assign(this.claims.get(step.claim.ordinal) ?? {}, {
          ...{ clusterId: step.clusterId, nodeId: String(step.nodeId) },
        });
        return;
      case 'ownClaim':
        Object.assign(this.claims.get(step.claim.ordinal) ?? {}, { isOwned: step.owned });
        return;
      case 'retireClaim':
        Object.assign(this.claims.get(step.claim.ordinal) ?? {}, {
          retiredNodeId: String(step.nodeId),
        });
        return;
      case 'deleteClaim':
        this.claims.delete(step.claim.ordinal);
        return;
      case 'setNodeState':
      case 'removeNode':
      case 'evictLeaders':
      case 'setMaintenance':
        this.#changeNode(step);
        return;
      default:
    }
  }

  #changeNode(step: Step & { readonly nodeId: number; readonly revision: number }): void {
    const node = this.nodes.find((each) => each.id === step.nodeId);
    if (node?.revision !== step.revision) {
      throw new Error(`RevisionConflict: ${describeStep(step)}`);
    }
    node.revision += 1;
    if (step.kind === 'setNodeState') {
      node.state = step.state;
      node.owner = step.state === 'draining' ? 'operator' : '';
    } else if (step.kind === 'removeNode') {
      if (this.#heldBy(node.id) > 0) {
        throw new Error('HoldsReplicas');
      }
      node.state = 'removed';
    } else if (step.kind === 'evictLeaders') {
      node.evicting = step.evict;
    } else if (step.kind === 'setMaintenance') {
      node.maintenance = step.durationMs > 0;
    }
  }

  #init(step: Step & { kind: 'init' }): void {
    this.clusterId = this.uid;
    for (const { nodeId, pod } of step.members) {
      this.#addNode(nodeId, pod.ordinal, 'active');
    }
    const ids = this.nodes.map((node) => node.id);
    const factor = Math.min(3, ids.length);
    this.shards = Array.from({ length: shardCount }, (_, shard) =>
      Array.from({ length: factor }, (__, copy) => ids[(shard + copy) % ids.length] ?? 0),
    );
  }

  #addNode(id: number, ordinal: number, state: string): void {
    const flags = { evicting: false, maintenance: false, owner: '', revision: 1 };
    this.nodes.push({ id, ordinal, state, ...flags });
    const claim = this.claims.get(ordinal);
    if (claim === undefined) {
      throw new Error(`Node ${id} has no volume`);
    }
    claim.disk = { clusterId: this.clusterId, nodeId: id };
  }
}
