/**
 * One look at a cluster: the live objects and the database's own answers. Objects are read from
 * the API server, not from a cache, so that a plan never rests on what was true a moment ago
 * (`operator` incidents b6); what cannot be asked is absent.
 */
import type { RefusalView, StatusView } from '../../node/contract/status-types.ts';
import { messageOf } from '../../node/lib/errors.ts';
import type { Clock } from '../../node/sys/clock.ts';
import type {
  DatabaseSettings,
  DrainProgress,
  Identity,
  NodeDoor,
  OpenDoor,
} from '../nodes/database-port.ts';
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import { nodeIdOf, ordinalOfNode } from '../api/node-place.ts';
import { labels, objectNames, podHost, selectorLabels } from '../api/names.ts';
import type {
  CertificateView,
  DatabasePlan,
  DatabaseView,
  IdentityView,
  MachineView,
  Observed,
  PodView,
} from '../api/observed.ts';
import { kindOf } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Claim, KubeObject, Pod, StatefulSet } from '../api/kube-object.ts';
import { claimView, podView, statefulSetView } from './kube-views.ts';

const setKind = kindOf<StatefulSet>('apps/v1', 'StatefulSet', 'statefulsets');
const podKind = kindOf<Pod>('v1', 'Pod', 'pods');
const claimKind = kindOf<Claim>('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims');

/** Pods asked who they are at a time. */
const identifyMax = 16;
/** Members asked for the whole state, one after the other, until one answers. */
const statusAttemptsMax = 3;

export interface ObserverOptions {
  readonly client: KubeClient;
  readonly openDoor: OpenDoor;
  readonly clock: Clock;
  /** Machines by name, by the label that names their zones. */
  readonly machines: (zoneKey: string) => readonly MachineView[];
}

/** What was found besides the views: objects that steps start from, and doors to the database. */
export interface Look {
  readonly observed: Observed;
  readonly set: StatefulSet | undefined;
  readonly settings: DatabaseSettings | undefined;
  readonly drain: (DrainProgress & { readonly nodeId: number }) | undefined;
  readonly drainRefusals: readonly RefusalView[] | undefined;
  /** The door that the state came from. */
  readonly member: NodeDoor | undefined;
  doorOf(pod: PodView): NodeDoor;
  close(): void;
}

export class Observer {
  readonly #options: ObserverOptions;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  async look(
    cluster: DynamoCluster,
    known: {
      readonly wantedTemplateHash: string | undefined;
      readonly certificates: readonly CertificateView[];
    },
  ): Promise<Look> {
    const { client, clock, machines } = this.#options;
    const { name, namespace, uid } = cluster.metadata;
    const labelSelector = selectorText(selectorLabels(name));
    const [set, pods, claims] = await Promise.all([
      client.find(setKind, namespace, objectNames(name).statefulSet),
      client.list(podKind, { namespace, labelSelector }),
      client.list(claimKind, { namespace, labelSelector }),
    ]);
    const podViews = present(pods.items.map((pod) => podView(name, pod)));
    const doors = new Doors(this.#options.openDoor, cluster);
    const asked = await this.#ask(cluster, podViews, doors);
    const claimViews = present(claims.items.map((claim) => claimView({ name, uid }, claim)));
    const isBorn = claimViews.some((claim) => claim.clusterId !== '');
    const { failure, identities, status } = asked.database;
    const silence = `None of ${podViews.length} pods answers as a member of the database`;
    const isSilent = isBorn && status === undefined && failure === '';
    const database = { ...asked.database, failure: isSilent ? silence : failure, identities };
    const used = new Set(podViews.map((pod) => pod.machine));
    const observed: Observed = {
      nowMs: clock.wallMs(),
      cluster,
      statefulSet: set === undefined ? undefined : statefulSetView(uid, set),
      pods: podViews.sort((a, b) => a.ordinal - b.ordinal),
      claims: claimViews,
      machines: machines(cluster.spec.topology.zoneKey).filter((each) => used.has(each.name)),
      certificates: known.certificates,
      wantedTemplateHash: known.wantedTemplateHash,
      database,
    };
    return {
      ...{ observed, set, settings: asked.settings, member: asked.member },
      ...{ drain: asked.drain, drainRefusals: asked.drainRefusals },
      doorOf: (pod) => doors.open(pod),
      close: () => doors.close(),
    };
  }

  async #ask(cluster: DynamoCluster, pods: readonly PodView[], doors: Doors): Promise<Answers> {
    const reachable = pods.filter((pod) => pod.ip !== '');
    const found = new Map<PodView, Identity>();
    for (let from = 0; from < reachable.length; from += identifyMax) {
      await Promise.all(
        reachable.slice(from, from + identifyMax).map(async (pod) => {
          const identity = await orUndefined(doors.open(pod).identify());
          if (identity !== undefined) {
            found.set(pod, identity);
          }
        }),
      );
    }
    const identities: IdentityView[] = [...found].map(([pod, identity]) => ({
      ...{ pod: pod.name, podUid: pod.uid },
      ...identity,
    }));
    const members = [...found].filter(([, { state }]) => state === 'member').map(([pod]) => pod);
    let failure = '';
    for (const pod of members.slice(0, statusAttemptsMax)) {
      const door = doors.open(pod);
      try {
        const status = await door.status();
        const more = await this.#askMore(cluster, door, status);
        return {
          ...more,
          member: door,
          database: { ...{ identities, status, failure: '' }, plan: more.plan },
        };
      } catch (error) {
        failure = messageOf(error);
      }
    }
    const none = { member: undefined, settings: undefined, drain: undefined };
    return { ...none, drainRefusals: undefined, database: { identities, failure } };
  }

  /** What a plan needs besides the state; each may be missing. */
  async #askMore(
    cluster: DynamoCluster,
    door: NodeDoor,
    status: StatusView,
  ): Promise<Omit<Answers, 'database' | 'member'> & { readonly plan: DatabasePlan | undefined }> {
    const { name } = cluster.metadata;
    const nodes = status.nodes.filter((node) => node.state !== 'removed');
    const byOrdinal = new Map(nodes.map((node) => [ordinalOfNode(name, node) ?? -1, node]));
    const last = byOrdinal.get(Math.max(-1, ...byOrdinal.keys()));
    const isLeaving = last !== undefined && byOrdinal.size > cluster.spec.replicas;
    const settings = await orUndefined(door.getSettings());
    if (!isLeaving) {
      const isManual = cluster.spec.rebalance.mode !== 'Auto';
      const plan = isManual ? await orUndefined(door.plan([])) : undefined;
      const moves = plan === undefined ? undefined : { ...plan, moves: plan.movesTotal };
      return { settings, drain: undefined, drainRefusals: undefined, plan: moves };
    }
    const nodeId = nodeIdOf(last);
    if (last.state === 'draining') {
      const progress = await orUndefined(door.drainProgress(nodeId));
      const drain = progress === undefined ? undefined : { ...progress, nodeId };
      return { settings, drain, drainRefusals: undefined, plan: undefined };
    }
    const preflight = await orUndefined(door.plan([nodeId]));
    const moves =
      preflight === undefined ? undefined : { ...preflight, moves: preflight.movesTotal };
    return { settings, drain: undefined, drainRefusals: preflight?.refusals, plan: moves };
  }
}

interface Answers {
  readonly database: DatabaseView;
  readonly member: NodeDoor | undefined;
  readonly settings: DatabaseSettings | undefined;
  readonly drain: (DrainProgress & { readonly nodeId: number }) | undefined;
  readonly drainRefusals: readonly RefusalView[] | undefined;
}

/** Doors of one look, each opened once and closed with it. */
class Doors {
  readonly #open: OpenDoor;
  readonly #cluster: DynamoCluster;
  readonly #doors = new Map<string, NodeDoor>();

  constructor(open: OpenDoor, cluster: DynamoCluster) {
    this.#open = open;
    this.#cluster = cluster;
  }

  open(pod: PodView): NodeDoor {
    const known = this.#doors.get(pod.uid);
    if (known !== undefined) {
      return known;
    }
    const { namespace, name: cluster } = this.#cluster.metadata;
    const host = podHost(cluster, namespace, pod.ordinal);
    const door = this.#open({ namespace, cluster, pod: pod.name, ip: pod.ip, host });
    this.#doors.set(pod.uid, door);
    return door;
  }

  close(): void {
    for (const door of this.#doors.values()) {
      door.close();
    }
  }
}

export function selectorText(selector: Readonly<Record<string, string>>): string {
  return Object.entries(selector)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

/** The key of the cluster that an object belongs to by its labels. */
export function clusterKeyOf(object: KubeObject): string | undefined {
  const name = object.metadata.labels?.[labels.cluster];
  return name === undefined ? undefined : `${object.metadata.namespace ?? ''}/${name}`;
}

function present<T>(items: readonly (T | undefined)[]): T[] {
  return items.filter((item) => item !== undefined);
}

async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch {
    return undefined; // The plan knows what it means that nothing was said.
  }
}
