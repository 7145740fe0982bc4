/**
 * The operator as a whole: informers wake the queue, the queue runs rounds while the Lease is held.
 * Parts that touch the world come in, so that tests put their own in place; `main.ts` has the real
 * ones.
 */
import type { Clock, Timers } from '../../node/sys/clock.ts';
import type { Logger } from '../../node/sys/log.ts';
import type { Random } from '../../node/sys/random.ts';
import { Actor } from '../act/actor.ts';
import { ControlEpochs } from '../act/control-epochs.ts';
import { OwnedObjects } from '../act/owned-objects.ts';
import { labels } from '../api/names.ts';
import type { Observed, PlanReport } from '../api/observed.ts';
import { EventRecorder } from '../kube/event-recorder.ts';
import { Informer } from '../kube/informer.ts';
import { kindOf } from '../kube/kinds.ts';
import type { Kind } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { KubeObject } from '../api/kube-object.ts';
import { keyOf } from '../kube/kube-objects.ts';
import { LeaseElection } from '../kube/lease-election.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import type { WorkQueueStats } from '../kube/work-queue.ts';
import type { OpenDoor } from '../nodes/database-port.ts';
import { machineView } from '../observe/kube-views.ts';
import { Observer } from '../observe/observer.ts';
import { PlanMemories } from './plan-memories.ts';
import { Reconciler, clusters } from './reconciler.ts';
import type { ReconcilerOptions } from './reconciler.ts';

export interface OperatorParts {
  readonly client: KubeClient;
  readonly openDoor: OpenDoor;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  readonly desire: ReconcilerOptions['desire'];
  readonly tell: (observed: Observed, report: PlanReport) => Promise<void>;
  readonly onGone: (uid: string, key: string) => void;
  readonly onRound: (result: 'success' | 'error', seconds: number) => void;
  /** The Lease went to another: this process has nothing to do any more. */
  readonly onReplaced: () => void;
}

export interface OperatorSettings {
  readonly watchNamespaces: readonly string[];
  readonly leaseNamespace: string;
  readonly leaseName: string;
  readonly leaseDurationMs: number;
  readonly leaseRenewMs: number;
  readonly leaseRetryMs: number;
  readonly identity: string;
  readonly watchIdleMs: number;
  readonly workers: number;
}

/** The copies are behind by at most so much, or the operator is not ready, ms. */
const silentMsMax = 5 * 60 * 1_000;

export class Operator {
  readonly #parts: OperatorParts;
  readonly #informers: Informer<KubeObject>[] = [];
  readonly #machines: Informer<KubeObject>;
  readonly #queue: WorkQueue;
  readonly #reconciler: Reconciler;
  readonly #epochs: ControlEpochs;
  readonly #objects: OwnedObjects;
  readonly election: LeaseElection;

  constructor(parts: OperatorParts, settings: OperatorSettings) {
    this.#parts = parts;
    const { client, clock, log } = parts;
    this.#epochs = new ControlEpochs({ holder: `operator/${settings.identity}`, clock });
    this.#objects = new OwnedObjects({ client, clock });
    this.#machines = this.#inform(nodeKind, undefined, settings, () => undefined);
    const namespaces =
      settings.watchNamespaces.length === 0 ? [undefined] : settings.watchNamespaces;
    for (const namespace of namespaces) {
      this.#watch(namespace, settings);
    }
    this.election = this.#elect(settings);
    this.#reconciler = this.#makeReconciler(settings);
    const work = async (key: string): Promise<number | undefined> => await this.#work(key);
    this.#queue = new WorkQueue({ ...parts, log, work, workers: settings.workers });
  }

  get queueStats(): WorkQueueStats {
    return this.#queue.stats;
  }

  get informers(): readonly Informer<KubeObject>[] {
    return [this.#machines, ...this.#informers];
  }

  /** Why the copies cannot be relied on; undefined: they can. */
  get staleness(): string | undefined {
    const late = this.#informers.find((each) => !each.hasSynced || each.silentMs > silentMsMax);
    if (late === undefined) {
      return undefined;
    }
    return late.hasSynced
      ? `nothing was heard of ${late.kind} for ${Math.round(late.silentMs / 1_000)} s`
      : `${late.kind} has not been listed yet`;
  }

  start(): void {
    for (const informer of this.informers) {
      informer.start();
    }
    this.election.start();
  }

  /** In order: no new rounds, those under way end, the Lease is given back. */
  async stop(): Promise<void> {
    await this.#queue.stop();
    await this.election.stop();
    await Promise.all(this.informers.map((informer) => informer.stop()));
    this.#queue.clear();
  }

  #watch(namespace: string | undefined, settings: OperatorSettings): void {
    const wake = (key: string | undefined): void => {
      if (key !== undefined) {
        this.#queue.add(key);
      }
    };
    this.#informers.push(
      this.#inform(clusters, { namespace }, settings, (now, old) => {
        // What we write ourselves wakes nobody (O17).
        if (now === undefined || old === undefined || hasNewIntent(now, old)) {
          wake(keyOf((now ?? old) as KubeObject));
        }
      }),
    );
    const labelSelector = labels.cluster;
    for (const kind of [setKind, podKind, claimKind]) {
      this.#informers.push(
        this.#inform(kind, { namespace, labelSelector }, settings, (now, old) => {
          const object = (now ?? old) as KubeObject;
          const name = object.metadata.labels?.[labels.cluster] ?? '';
          wake(`${object.metadata.namespace ?? ''}/${name}`);
        }),
      );
    }
  }

  #inform(
    kind: Kind,
    from: { readonly namespace?: string | undefined; readonly labelSelector?: string } | undefined,
    settings: OperatorSettings,
    onChange: (now: KubeObject | undefined, old: KubeObject | undefined) => void,
  ): Informer<KubeObject> {
    const { client, clock, timers, random, log } = this.#parts;
    const idleMsMax = settings.watchIdleMs;
    const options = { client, kind, from: from ?? {}, clock, timers, random, log, onChange };
    return new Informer<KubeObject>({ ...options, idleMsMax });
  }

  #elect(settings: OperatorSettings): LeaseElection {
    const { client, clock, timers, log, onReplaced } = this.#parts;
    return new LeaseElection({
      ...{ client, clock, timers, log, identity: settings.identity },
      ...{ namespace: settings.leaseNamespace, name: settings.leaseName },
      ...{ durationMs: settings.leaseDurationMs, renewMsMax: settings.leaseRenewMs },
      retryMs: settings.leaseRetryMs,
      onStarted: () => {
        this.#epochs.clear();
        for (const cluster of this.#informers.filter((each) => each.kind === clusters.kind)) {
          cluster.list().forEach((each) => this.#queue.add(keyOf(each)));
        }
        this.#queue.start();
      },
      onStopped: (why) => {
        void this.#queue.stop();
        if (why === 'taken') {
          onReplaced();
        }
      },
    });
  }

  #makeReconciler(settings: OperatorSettings): Reconciler {
    const { client, clock, log, openDoor, desire, tell, onGone } = this.#parts;
    const events = new EventRecorder({ client, clock, log, instance: settings.identity });
    const checkMayAct = (): void => {
      if (!this.election.isHeld) {
        throw new Error('The Lease is held no more');
      }
    };
    const checkMayDisrupt = (): void => {
      checkMayAct();
      const { disruptionWaitMs } = this.election;
      if (disruptionWaitMs > 0) {
        throw new Error(
          `Waiting ${Math.ceil(disruptionWaitMs / 1_000)} s for requests of the last operator`,
        );
      }
    };
    const epochs = this.#epochs;
    const actor = new Actor({ client, events, epochs, clock, log, checkMayAct, checkMayDisrupt });
    const machines = (zoneKey: string): ReturnType<typeof machineView>[] =>
      this.#machines.list().map((node) => machineView(zoneKey, node));
    const observer = new Observer({ client, openDoor, clock, machines });
    const memories = new PlanMemories();
    const objects = this.#objects;
    const parts = { client, observer, actor, objects, memories, epochs, log };
    return new Reconciler({ ...parts, desire, tell, onGone });
  }

  async #work(key: string): Promise<number | undefined> {
    const { clock, onRound } = this.#parts;
    const startMs = clock.monotonicMs();
    const seconds = (): number => (clock.monotonicMs() - startMs) / 1_000;
    try {
      const againMs = await this.#reconciler.reconcile(key);
      onRound('success', seconds());
      return againMs;
    } catch (error) {
      onRound('error', seconds());
      throw error;
    }
  }
}

const setKind = kindOf('apps/v1', 'StatefulSet', 'statefulsets');
const podKind = kindOf('v1', 'Pod', 'pods');
const claimKind = kindOf('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims');
const nodeKind = kindOf('v1', 'Node', 'nodes', false);

function hasNewIntent(now: KubeObject, old: KubeObject): boolean {
  const { generation, deletionTimestamp, annotations } = now.metadata;
  return (
    generation !== old.metadata.generation ||
    deletionTimestamp !== old.metadata.deletionTimestamp ||
    JSON.stringify(annotations) !== JSON.stringify(old.metadata.annotations)
  );
}
