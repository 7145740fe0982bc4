/**
 * One round for one cluster: look, keep its objects, plan, act, tell. The same whatever woke it.
 * Whatever fails on the way, the status says so at the end; the next round starts from what is
 * there, never from what this one had in mind.
 */
import { isDynakvError, messageOf } from '../../node/lib/errors.ts';
import type { Logger } from '../../node/sys/log.ts';
import type { Actor } from '../act/actor.ts';
import type { OwnedObjects } from '../act/owned-objects.ts';
import type { ControlEpochs } from '../act/control-epochs.ts';
import { apiVersion, clusterKind } from '../api/dynamo-cluster.ts';
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import type { CertificateView, Hindrance, Observed, PlanReport } from '../api/observed.ts';
import type { DesiredFacts } from '../desired/desired-objects.ts';
import { kindOf } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { isKubeError, isUnreachable } from '../kube/kube-error.ts';
import type { KubeObject } from '../api/kube-object.ts';
import type { Look, Observer } from '../observe/observer.ts';
import { makePlan } from '../plan/plan.ts';
import type { Decision } from '../plan/round.ts';
import { groupsAtRisk } from '../status/shard-health.ts';
import type { PlanMemories } from './plan-memories.ts';

export const clusters = kindOf<DynamoCluster>(apiVersion, clusterKind, 'dynamoclusters');

/** What should be there, rendered from the spec and what is known. */
export interface Desired {
  /** Plain objects, in the order of their making. */
  readonly objects: readonly KubeObject[];
  /** What must not be there, if it is this cluster's. */
  readonly unwanted: readonly KubeObject[];
  /** Without replicas. */
  readonly statefulSet: KubeObject;
  readonly templateHash: string;
  readonly certificates: readonly CertificateView[];
  /** Pods would be rendered otherwise now, and a consent is asked for. */
  readonly requiresUpdate?: Hindrance;
}

export interface ReconcilerOptions {
  readonly client: KubeClient;
  readonly observer: Observer;
  readonly actor: Actor;
  readonly objects: OwnedObjects;
  readonly memories: PlanMemories;
  readonly epochs: ControlEpochs;
  readonly log: Logger;
  /** Renders what is wanted; makes Secrets that are missing. */
  readonly desire: (cluster: DynamoCluster, facts: DesiredFacts) => Promise<Desired>;
  /** Writes the status if it says something new. */
  readonly tell: (observed: Observed, report: PlanReport) => Promise<void>;
  readonly onGone: (uid: string, key: string) => void;
}

/** Something was changed under our hands: look again soon, ms. */
const conflictMs = 200;
/** A refusal of the database is not asked again at once, ms. */
const refusedMs = 2_000;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #uids = new Map<string, string>();
  /** By uid, as of the last look that got an answer: what the disruption budget goes by (O21). */
  readonly #atRisk = new Map<string, boolean>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Works on one key; answers when it wants to see it again, ms. */
  async reconcile(key: string): Promise<number | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const cluster = await this.#options.client.find(clusters, namespace, name);
    const before = this.#uids.get(key);
    if (before !== undefined && before !== cluster?.metadata.uid) {
      this.#forget(before, key);
    }
    if (cluster === undefined) {
      return undefined;
    }
    this.#uids.set(key, cluster.metadata.uid);
    return await this.#round(cluster);
  }

  async #round(cluster: DynamoCluster): Promise<number> {
    const { observer, objects, memories, desire } = this.#options;
    const log = this.#options.log.child({
      cluster: `${cluster.metadata.namespace}/${cluster.metadata.name}`,
    });
    const { uid, deletionTimestamp } = cluster.metadata;
    const isLeaving = deletionTimestamp !== undefined;
    const wanted = await desire(cluster, { isQuorumAtRisk: this.#atRisk.get(uid) ?? false });
    const mayWrite = !isLeaving && !cluster.spec.paused;
    const collisions = mayWrite ? await objects.ensure(uid, wanted) : [];
    const { templateHash, certificates } = wanted;
    const look = await observer.look(cluster, { wantedTemplateHash: templateHash, certificates });
    const { status } = look.observed.database;
    if (status !== undefined) {
      this.#atRisk.set(uid, groupsAtRisk(status).length > 0);
    }
    try {
      const memory = memories.update(uid, look);
      const decision = makePlan(look.observed, memory);
      const outcome = await this.#act(decision, { look, wanted, log, collisions });
      const problems = [...collisions, ...outcome.problems, ...decision.report.problems];
      const requiresUpdate = decision.report.requiresUpdate ?? wanted.requiresUpdate;
      await this.#options.tell(look.observed, { ...decision.report, requiresUpdate, problems });
      return outcome.againMs;
    } finally {
      look.close();
    }
  }

  async #act(
    decision: Decision,
    stage: {
      readonly look: Look;
      readonly wanted: Desired;
      readonly log: Logger;
      readonly collisions: readonly Hindrance[];
    },
  ): Promise<{ readonly problems: readonly Hindrance[]; readonly againMs: number }> {
    const { actor } = this.#options;
    const { look, wanted, log, collisions } = stage;
    if (collisions.some(({ reason }) => reason === 'NameCollision')) {
      return { problems: [], againMs: decision.againMs };
    }
    try {
      await actor.run(decision.steps, { look, wantedSet: wanted.statefulSet, log });
      return { problems: [], againMs: decision.againMs };
    } catch (error) {
      const outcome = this.#failed(error); // What it throws is told by the queue.
      log.warn('A step did not go through', { why: messageOf(error) });
      return outcome;
    }
  }

  /** What it means that a step did not go through. */
  #failed(error: unknown): { readonly problems: readonly Hindrance[]; readonly againMs: number } {
    if (isKubeError(error, 409) || isKubeError(error, 422)) {
      return { problems: [], againMs: conflictMs };
    }
    if (isUnreachable(error)) {
      throw error;
    }
    const reason = isDynakvError(error) ? error.facts['reason'] : undefined;
    if (reason === 'RevisionConflict' || reason === 'Stale') {
      return { problems: [], againMs: conflictMs };
    }
    const message = messageOf(error).slice(0, 1_000);
    const named = reason === 'ControlConflict' ? 'ControlConflict' : 'ReconcileFailed';
    return { problems: [{ reason: named, message }], againMs: refusedMs };
  }

  #forget(uid: string, key: string): void {
    const { memories, epochs, objects, onGone } = this.#options;
    memories.forget(uid);
    epochs.forget(uid);
    objects.forget(uid);
    this.#atRisk.delete(uid);
    this.#uids.delete(key);
    onGone(uid, key);
  }
}
