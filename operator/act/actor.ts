/**
 * Carries out the steps of a plan, one after the other. Each write names what it was decided on
 * (uid, resource version, revision, control epoch), so that it is refused if that changed. Before
 * each the Lease is looked at once more, and before what disrupts the pod is read anew. Each step
 * may be cut short anywhere: the next round sees how far it came.
 */
import { DynakvError, isDynakvError } from '../../node/lib/errors.ts';
import type { Clock } from '../../node/sys/clock.ts';
import type { Logger } from '../../node/sys/log.ts';
import type { Fence, MemberPlace, NodeDoor } from '../nodes/database-port.ts';
import { annotations, labels, podHost, ports } from '../api/names.ts';
import { apiVersion, clusterKind } from '../api/dynamo-cluster.ts';
import type { ClaimView, PodView } from '../api/observed.ts';
import { kindOf } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { KubeObject } from '../api/kube-object.ts';
import { msOfTime } from '../kube/object-hash.ts';
import type { Look } from '../observe/observer.ts';
import { describeStep, isDisruptive } from '../plan/step.ts';
import type { Step } from '../plan/step.ts';
import type { ControlEpochs } from './control-epochs.ts';
import { noteOf } from './step-notes.ts';

const podKind = kindOf<KubeObject>('v1', 'Pod', 'pods');
const claimKind = kindOf<KubeObject>('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims');

export interface ActorOptions {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly epochs: ControlEpochs;
  readonly clock: Clock;
  readonly log: Logger;
  /** Throws unless the Lease is held: a process that was stopped in a round goes on with it. */
  readonly checkMayAct: () => void;
  /** Throws unless something may be disrupted, too: requests of the last holder have ended. */
  readonly checkMayDisrupt: () => void;
}

/** What a round's steps start from. */
export interface Stage {
  readonly look: Look;
  /** The StatefulSet as it should be, without replicas. */
  readonly wantedSet: KubeObject;
  readonly log: Logger;
}

export class Actor {
  readonly #options: ActorOptions;

  constructor(options: ActorOptions) {
    this.#options = options;
  }

  /** The first step that fails ends the round by its error. */
  async run(steps: readonly Step[], stage: Stage): Promise<void> {
    const { events } = this.#options;
    let set = stage.look.set;
    for (const step of steps) {
      this.#options.checkMayAct();
      if (isDisruptive(step)) {
        this.#options.checkMayDisrupt();
      }
      stage.log.info('Acting', { step: describeStep(step) });
      set = (await this.#do(step, { ...stage, look: { ...stage.look, set } })) ?? set;
      const note = noteOf(step);
      if (note !== undefined) {
        await events.record(stage.look.observed.cluster, note);
      }
    }
  }

  /** Answers the StatefulSet if it changed. */
  async #do(step: Step, stage: Stage): Promise<KubeObject | undefined> {
    switch (step.kind) {
      case 'createSet':
        return await this.#createSet(stage, step.replicas);
      case 'scaleSet':
        return await this.#scaleSet(stage, step.replicas);
      case 'writeTemplate':
        return await this.#writeTemplate(stage);
      case 'confirmTemplate':
        return await this.#confirmTemplate(stage);
      case 'restoreTemplate':
        return await this.#restoreTemplate(stage, step.failedHash);
      case 'labelClaim':
        await this.#label(stage, step.claim, {
          [labels.clusterId]: step.clusterId,
          [labels.nodeId]: String(step.nodeId),
        });
        return undefined;
      case 'retireClaim':
        await this.#label(stage, step.claim, { [labels.retiredNodeId]: String(step.nodeId) });
        return undefined;
      case 'ownClaim':
        await this.#own(stage, step);
        return undefined;
      case 'deleteClaim': {
        const { uid, resourceVersion } = step.claim;
        await this.#options.client.delete(claimRef(stage, step.claim), { uid, resourceVersion });
        return undefined;
      }
      case 'deletePod':
        await this.#deletePod(stage, step);
        return undefined;
      default:
        await this.#ask(step, stage);
        return undefined;
    }
  }

  /** By POST: a namesake of somebody else is not overwritten (O16). */
  async #createSet({ wantedSet }: Stage, replicas: number): Promise<KubeObject> {
    return await this.#options.client.create({
      ...wantedSet,
      spec: withReplicas(wantedSet, replicas),
    });
  }

  async #scaleSet({ look }: Stage, replicas: number): Promise<KubeObject> {
    const set = must(look.set);
    const { resourceVersion } = set.metadata;
    return await this.#options.client.mergePatch(set, {
      metadata: { resourceVersion },
      spec: { replicas },
    });
  }

  /** Carries the live replicas and resource version (O1), and what was in it before (O4). */
  async #writeTemplate({ look, wantedSet }: Stage): Promise<KubeObject> {
    const set = must(look.set);
    const { isOnTrial = false, replicas } = must(look.observed.statefulSet);
    const before = set.metadata.annotations?.[annotations.lastGoodTemplate] ?? '';
    const live = (set['spec'] as { template: unknown }).template;
    const good = isOnTrial ? before : JSON.stringify(live);
    const { metadata } = wantedSet;
    return await this.#options.client.apply({
      ...wantedSet,
      metadata: {
        ...metadata,
        ...resourceVersionOf(set),
        annotations: {
          ...metadata.annotations,
          [annotations.lastGoodTemplate]: good,
          [annotations.failedTemplate]: '',
        },
      },
      spec: withReplicas(wantedSet, replicas),
    });
  }

  async #confirmTemplate({ look }: Stage): Promise<KubeObject> {
    const set = must(look.set);
    return await this.#options.client.mergePatch(set, {
      metadata: {
        ...resourceVersionOf(set),
        annotations: { [annotations.lastGoodTemplate]: '', [annotations.failedTemplate]: '' },
      },
    });
  }

  async #restoreTemplate({ look }: Stage, failedHash: string): Promise<KubeObject> {
    const set = must(look.set);
    const good = set.metadata.annotations?.[annotations.lastGoodTemplate] ?? '';
    const place = (name: string): string =>
      `/metadata/annotations/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return await this.#options.client.jsonPatch(set, [
      { op: 'test', path: '/metadata/resourceVersion', value: set.metadata.resourceVersion },
      { op: 'replace', path: '/spec/template', value: JSON.parse(good) as unknown },
      { op: 'add', path: place(annotations.lastGoodTemplate), value: '' },
      { op: 'add', path: place(annotations.failedTemplate), value: failedHash },
    ]);
  }

  async #label(
    stage: Stage,
    claim: ClaimView,
    added: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { uid, resourceVersion } = claim;
    await this.#options.client.mergePatch(claimRef(stage, claim), {
      metadata: { uid, resourceVersion, labels: added },
    });
  }

  /** Other owners stay; the resource version makes a change by others a conflict. */
  async #own(stage: Stage, { claim, owned }: Step & { kind: 'ownClaim' }): Promise<void> {
    const { client } = this.#options;
    const { metadata } = stage.look.observed.cluster;
    const live = await client.find(claimKind, metadata.namespace, claim.name);
    if (live === undefined || live.metadata.uid !== claim.uid) {
      throw stale(`Claim ${claim.name} is another by now`);
    }
    const { uid, ownerReferences = [] } = live.metadata;
    const others = ownerReferences.filter((owner) => owner.uid !== metadata.uid);
    const { name } = metadata;
    const own = { apiVersion, kind: clusterKind, name, uid: metadata.uid };
    await client.mergePatch(live, {
      metadata: {
        uid,
        ...resourceVersionOf(live),
        ownerReferences: owned ? [...others, own] : others,
      },
    });
  }

  async #deletePod(stage: Stage, step: Step & { kind: 'deletePod' }): Promise<void> {
    const { client } = this.#options;
    const { namespace } = stage.look.observed.cluster.metadata;
    const { name, uid } = step.pod;
    const live = await client.find(podKind, namespace, name);
    if (live === undefined || live.metadata.uid !== uid) {
      throw stale(`Pod ${name} is another by now`);
    }
    if (live.metadata.deletionTimestamp !== undefined) {
      return;
    }
    this.#options.checkMayDisrupt();
    await client.delete(live, { uid });
  }

  /** Steps that the database takes. */
  async #ask(step: Step, stage: Stage): Promise<void> {
    const { look } = stage;
    if (step.kind === 'init') {
      await this.#init(stage, step);
      return;
    }
    if (step.kind === 'join') {
      const member = memberPlace(stage, { pod: step.pod, nodeId: 0, zone: step.zone });
      const { clusterId, nodes } = must(look.observed.database.status);
      const addresses = nodes
        .filter((node) => node.answers && node.state !== 'removed')
        .map((node) => node.member?.address ?? '')
        .filter((address) => address !== '');
      await look.doorOf(step.pod).joinCluster({ addresses, clusterId, member });
      return;
    }
    const door = look.member;
    if (door === undefined) {
      throw stale('No member of the database answers');
    }
    await this.#change(door, step, stage);
  }

  async #change(door: NodeDoor, step: Step, { look }: Stage): Promise<void> {
    const { cluster } = look.observed;
    const epoch = await this.#options.epochs.epochOf(cluster.metadata.uid, door);
    const fence = (revision: number): Fence => ({
      ...{ controlEpoch: epoch, expectedRevision: revision },
    });
    try {
      switch (step.kind) {
        case 'setNodeState':
          await door.setNodeState(fence(step.revision), step.nodeId, step.state);
          return;
        case 'removeNode':
          await door.removeNode(fence(step.revision), step.nodeId);
          return;
        case 'evictLeaders':
          await door.evictLeaders(fence(step.revision), step.nodeId, step.evict);
          return;
        case 'setMaintenance':
          await door.setMaintenance(fence(step.revision), step.nodeId, step.durationMs);
          return;
        case 'updateSettings':
          await door.updateSettings(fence(step.revision), step.change);
          return;
        default:
          throw new Error(`No step of the database: ${step.kind}`);
      }
    } catch (error) {
      if (isDynakvError(error) && error.facts['reason'] === 'ControlConflict') {
        this.#options.epochs.lost(cluster.metadata.uid);
      }
      throw error;
    }
  }

  /** The same plan each time, to the letter: a repeated one goes on where the last one stopped. */
  async #init(stage: Stage, step: Step & { kind: 'init' }): Promise<void> {
    const { cluster } = stage.look.observed;
    const { spec, metadata } = cluster;
    const [first] = step.members;
    await stage.look.doorOf(must(first).pod).init({
      clusterId: metadata.uid,
      members: step.members.map((member) => memberPlace(stage, member)),
      shardCount: spec.shards,
      replicationFactor: spec.replicationFactor,
      createdAtMs: msOfTime(metadata.creationTimestamp),
    });
  }
}

function memberPlace(
  { look }: Stage,
  member: { readonly pod: PodView; readonly nodeId: number; readonly zone: string },
): MemberPlace {
  const { name, namespace } = look.observed.cluster.metadata;
  const host = podHost(name, namespace, member.pod.ordinal);
  return {
    nodeId: member.nodeId,
    address: `${host}:${ports.peers}`,
    clientAddress: `${host}:${ports.client}`,
    opsAddress: `${host}:${ports.operations}`,
    zone: member.zone,
  };
}

function claimRef({ look }: Stage, claim: ClaimView): KubeObject {
  const { namespace } = look.observed.cluster.metadata;
  const metadata = { name: claim.name, namespace };
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata };
}

function withReplicas(set: KubeObject, replicas: number): object {
  return { ...(set['spec'] as object), replicas };
}

function resourceVersionOf(object: KubeObject): { readonly resourceVersion?: string } {
  const { resourceVersion } = object.metadata;
  return resourceVersion === undefined ? {} : { resourceVersion };
}

function must<T>(value: T | undefined): T {
  if (value === undefined) {
    throw stale('What the step needs is gone');
  }
  return value;
}

function stale(message: string): DynakvError {
  return new DynakvError('Refused', `${message}: the next round looks again`, { reason: 'Stale' });
}
