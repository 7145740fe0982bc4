/**
 * What controllers and kubelets do to a testing API server, at once at every change: pods and
 * claims of StatefulSets come and go by their replicas; pods are Ready unless told to fail.
 */
import type { KubeObject, Pod, StatefulSet } from '../api/kube-object.ts';
import { claimName, nodeContainer, podName } from '../api/names.ts';
import type { TestingApiServer } from '../kube/testing-api-server.ts';

export const namespace = 'default';
export const pods = `/api/v1/namespaces/${namespace}/pods`;
export const claims = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
export const sets = `/apis/apps/v1/namespaces/${namespace}/statefulsets`;

export class TestingKubelet {
  /** Names of pods that crash, whatever comes by this name. */
  readonly failing = new Set<string>();
  readonly #server: TestingApiServer;
  #isBusy = false;

  constructor(server: TestingApiServer) {
    this.#server = server;
    server.onChange = (collection) => {
      if (!this.#isBusy && [sets, pods].includes(collection)) {
        this.look();
      }
    };
  }

  /** The process in a pod of this name runs. */
  runs(name: string): boolean {
    return this.#server.find(pods, name) !== undefined && !this.failing.has(name);
  }

  look(): void {
    this.#isBusy = true;
    try {
      for (const set of this.#server.list(sets) as StatefulSet[]) {
        this.#keep(set);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  #keep(set: StatefulSet): void {
    const { name, generation } = set.metadata;
    const replicas = set.spec?.replicas ?? 1;
    for (let ordinal = 0; ordinal < replicas; ordinal += 1) {
      this.#keepClaim(set, ordinal);
      this.#keepPod(set, ordinal);
    }
    for (const pod of this.#server.list(pods)) {
      const ordinal = Number(pod.metadata.name.slice(name.length + 1));
      if (pod.metadata.name.startsWith(`${name}-`) && ordinal >= replicas) {
        this.#server.remove(pods, pod.metadata.name);
      }
    }
    if (set.status?.observedGeneration !== generation) {
      this.#server.put(sets, { ...set, status: { observedGeneration: generation } });
    }
  }

  #keepClaim(set: StatefulSet, ordinal: number): void {
    const name = claimName(set.metadata.name, ordinal);
    const [template] = set.spec?.volumeClaimTemplates ?? [];
    if (this.#server.find(claims, name) === undefined && template !== undefined) {
      const { labels = {} } = template.metadata ?? {};
      const metadata = { name, namespace, labels };
      this.#server.put(claims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata });
    }
  }

  #keepPod(set: StatefulSet, ordinal: number): void {
    const name = podName(set.metadata.name, ordinal);
    const live = this.#server.find(pods, name) as Pod | undefined;
    const isReady = !this.failing.has(name);
    const status = isReady ? 'True' : 'False';
    if (live?.status?.conditions?.[0]?.status === status) {
      return;
    }
    const { metadata, spec } = set.spec?.template ?? {};
    const time = new Date().toISOString();
    const waiting = { reason: 'CrashLoopBackOff', message: 'told to fail' };
    const pod: KubeObject = {
      ...{ apiVersion: 'v1', kind: 'Pod' },
      metadata: {
        ...{ name, namespace, creationTimestamp: time },
        ...{ labels: metadata?.labels ?? {}, annotations: metadata?.annotations ?? {} },
        ...(live === undefined ? {} : live.metadata),
      },
      spec: live?.spec ?? { ...spec, nodeName: `machine-${ordinal % 3}` },
      status: {
        podIP: '127.0.0.1',
        conditions: [{ type: 'Ready', status, lastTransitionTime: time }],
        containerStatuses: [
          {
            ...{ name: nodeContainer, ready: isReady, restartCount: isReady ? 0 : 3 },
            state: isReady ? { running: {} } : { waiting },
          },
        ],
      },
    };
    this.#server.put(pods, pod);
  }
}
