/**
 * A DynamoCluster as specs see it: applied, changed and watched through the API server, its data
 * reached through its Service.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CheckedWriter } from '../lib/checked-writer.ts';
import type { KubeClient } from '../lib/kube-client.ts';
import type {
  Condition,
  KubeObject,
  ObjectRef,
  PersistentVolumeClaim,
  Pod,
} from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { watchObject, watchUntil } from '../lib/watch-until.ts';
import type { SpecCluster } from '../spec-cluster.ts';

const root = join(import.meta.dirname, '..', '..');
const apiVersion = 'dynakv.dev/v1alpha1';
const kind = 'DynamoCluster';

export interface OperationStatus {
  readonly type: string;
  readonly step: string;
  readonly message: string;
  readonly blockedBy?: readonly { readonly reason: string }[];
}

export interface ClusterObject extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>> & { readonly replicas: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly phase?: string;
    readonly clusterId?: string;
    readonly version?: string;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly operations?: readonly OperationStatus[];
    readonly conditions?: readonly Condition[];
  };
}

/** The custom resource, from the file that users apply. */
export async function installCrd(spec: SpecCluster): Promise<void> {
  const text = readFileSync(join(root, 'crds', 'dynamoclusters.dynakv.dev.yaml'), 'utf8');
  await spec.kubectl.apply(text);
  await spec.kubectl.run([
    ...['wait', '--for=condition=Established', 'crd/dynamoclusters.dynakv.dev', '--timeout=60s'],
  ]);
}

export class DatabaseCluster {
  readonly name: string;
  readonly namespace: string;
  readonly #client: KubeClient;
  readonly #spec: SpecCluster;

  constructor(spec: SpecCluster, name: string) {
    this.name = name;
    this.namespace = spec.namespace;
    this.#client = spec.client;
    this.#spec = spec;
  }

  get ref(): ObjectRef {
    return { apiVersion, kind, namespace: this.namespace, name: this.name };
  }

  /** Small, as three or five of them share a machine with the tests. */
  async apply(change: Readonly<Record<string, unknown>> = {}): Promise<ClusterObject> {
    return await this.#client.apply<ClusterObject>({
      apiVersion,
      kind,
      metadata: { name: this.name, namespace: this.namespace },
      spec: {
        ...imageSpec(this.#spec.image),
        shards: 16,
        resources: { requests: { cpu: '50m', memory: '320Mi' } },
        storage: { size: '1Gi' },
        scaleDown: { stabilizationSeconds: 0 },
        ...change,
      },
    });
  }

  /** With this spec and nothing else. */
  async applyOnly(spec: Readonly<Record<string, unknown>>): Promise<ClusterObject> {
    const metadata = { name: this.name, namespace: this.namespace };
    return await this.#client.apply<ClusterObject>({ apiVersion, kind, metadata, spec });
  }

  async get(): Promise<ClusterObject> {
    return await this.#client.get<ClusterObject>(this.ref);
  }

  async patch(spec: Readonly<Record<string, unknown>>): Promise<ClusterObject> {
    return await this.#client.patch<ClusterObject>(this.ref, { spec });
  }

  async scale(replicas: number): Promise<ClusterObject> {
    return await this.patch({ replicas });
  }

  /** Waits until the status says it, for this generation of the spec or a later one. */
  async reaches(
    what: string,
    generation: number,
    missing: (cluster: ClusterObject) => string | undefined,
    timeoutMs: number = timeouts.podsReady * 2,
  ): Promise<ClusterObject> {
    return (await watchObject<ClusterObject>(this.#client, this.ref, {
      what: `${this.name} ${what}`,
      timeoutMs,
      missing: (cluster) => {
        if (cluster === undefined) {
          return 'it is not there';
        }
        const seen = cluster.status?.observedGeneration ?? 0;
        return seen < generation ? `generation ${seen} is observed` : missing(cluster);
      },
    })) as ClusterObject;
  }

  async ready(of?: ClusterObject, timeoutMs?: number): Promise<ClusterObject> {
    const generation = of?.metadata.generation ?? 1;
    const missing = (cluster: ClusterObject): string | undefined => {
      const ready = conditionOf(cluster, 'Ready');
      if (ready?.status === 'True' && (ready.observedGeneration ?? 0) >= generation) {
        return undefined;
      }
      const [operation] = cluster.status?.operations ?? [];
      return `${ready?.reason ?? 'no condition'}: ${ready?.message ?? ''} ${operation?.message ?? ''}`;
    };
    return await this.reaches('to be Ready', generation, missing, timeoutMs);
  }

  /** Shards have moved to where they belong. */
  async balanced(timeoutMs?: number): Promise<ClusterObject> {
    const missing = (cluster: ClusterObject): string | undefined =>
      conditionOf(cluster, 'Rebalancing')?.status === 'False' ? undefined : 'shards move';
    return await this.reaches('to be balanced', 1, missing, timeoutMs);
  }

  async hasReason(generation: number, reason: string, timeoutMs?: number): Promise<ClusterObject> {
    return await this.reaches(
      `to say ${reason}`,
      generation,
      (cluster) => {
        const reasons = (cluster.status?.conditions ?? []).map((each) => each.reason ?? '');
        return reasons.includes(reason) ? undefined : `it says ${[...new Set(reasons)].join()}`;
      },
      timeoutMs,
    );
  }

  async pods(): Promise<readonly Pod[]> {
    const { items } = await this.#client.list<Pod>(this.#podList());
    return [...items].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  async pod(ordinal: number): Promise<Pod> {
    return await this.#client.get<Pod>(this.podRef(ordinal));
  }

  podRef(ordinal: number): ObjectRef {
    const { namespace } = this;
    return { apiVersion: 'v1', kind: 'Pod', namespace, name: `${this.name}-${ordinal}` };
  }

  async podsUntil(
    what: string,
    missing: (pods: readonly Pod[]) => string | undefined,
  ): Promise<void> {
    const timeoutMs = timeouts.podsReady;
    await watchUntil<Pod>(this.#client, this.#podList(), { what, timeoutMs, missing });
  }

  async claims(): Promise<readonly PersistentVolumeClaim[]> {
    const { items } = await this.#client.list<PersistentVolumeClaim>({
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: this.namespace },
      labelSelector: `dynakv.dev/cluster=${this.name}`,
    });
    return items;
  }

  /** What the database itself says of a node; empty: it does not know it. */
  async nodeState(nodeId: number): Promise<string> {
    const { namespace, name } = this;
    const folder = '/etc/dynakv';
    const text = await this.#spec.kubectl.exec({ namespace, name: `${name}-0` }, [
      ...['dynakv', 'status', '--json'],
      ...['--endpoint', `${name}-0.${name}-peers.${namespace}.svc:7000`],
      ...['--tls-ca', `${folder}/ca/ca.crt`, '--tls-cert', `${folder}/peer/tls.crt`],
      ...['--tls-key', `${folder}/peer/tls.key`],
    ]);
    type Nodes = readonly {
      readonly member?: { readonly nodeId: number };
      readonly state: string;
    }[];
    const { nodes } = JSON.parse(text) as { readonly nodes: Nodes };
    return nodes.find((node) => node.member?.nodeId === nodeId)?.state ?? '';
  }

  get setRef(): ObjectRef {
    return { ...this.ref, apiVersion: 'apps/v1', kind: 'StatefulSet' };
  }

  writer(prefix?: string): CheckedWriter {
    const { reach, namespace } = this.#spec;
    const service = `${this.name}-client`;
    const endpoint = async (): ReturnType<typeof reach.service> =>
      await reach.service(namespace, service, 8_000);
    return new CheckedWriter({ endpoint, ...(prefix === undefined ? {} : { prefix }) });
  }

  #podList(): { apiVersion: string; kind: string; namespace: string; labelSelector: string } {
    return {
      ...{ apiVersion: 'v1', kind: 'Pod', namespace: this.namespace },
      labelSelector: `dynakv.dev/cluster=${this.name}`,
    };
  }
}

export function conditionOf(cluster: ClusterObject, type: string): Condition | undefined {
  return cluster.status?.conditions?.find((each) => each.type === type);
}

/** `docker.io/dynakv/dynakv:0.1.0` → what a spec says of it. */
export function imageSpec(image: string): { readonly image: object; readonly version: string } {
  const colon = image.lastIndexOf(':');
  return { image: { repository: image.slice(0, colon) }, version: image.slice(colon + 1) };
}
