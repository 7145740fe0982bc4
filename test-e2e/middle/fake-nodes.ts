/**
 * Nodes without machines: Node objects, and one loop that does to pods what their kubelets would
 * (`pod-plan.ts`) and to claims what the provisioner would (`volume-plan.ts`). Tests tell it which
 * node is down and which pod fails; truth about everything else is in the API server.
 */
import type { KubeClient } from '../lib/kube-client.ts';
import { isKubeError } from '../../operator/kube/kube-error.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../lib/kube-objects.ts';
import { pause } from '../lib/waiting.ts';
import { nodeAddresses } from '../local/addresses.ts';
import type { VolumeStep } from '../local/volumes/volume-plan.ts';
import { planVolumes } from '../local/volumes/volume-plan.ts';
import type { PodFate, PodStep } from './pod-plan.ts';
import { planPods, statusOf } from './pod-plan.ts';

/** Between two looks. Lists of a small API server's cache cost a few ms. */
const lookMs = 50;

export class FakeNodes {
  readonly names: readonly string[];
  readonly #client: KubeClient;
  readonly #zones: ReadonlyMap<string, string>;
  readonly #working: Set<string>;
  readonly #fates = new Map<string, PodFate>();
  readonly #lingering = new Set<string>();
  readonly #problems: string[] = [];
  #addresses = 0;
  #loop: Promise<void> | undefined;
  #stopped = false;

  constructor(client: KubeClient, count: number) {
    this.#client = client;
    const nodes = nodeAddresses(count);
    this.names = nodes.map((node) => node.name);
    this.#zones = new Map(nodes.map((node) => [node.name, node.zone]));
    this.#working = new Set(this.names);
  }

  /** Makes the Node objects and starts the loop. */
  async start(): Promise<void> {
    for (const [name, zone] of this.#zones) {
      await this.#makeNode(name, zone);
    }
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }

  /** The kubelet of a node is dead, or alive again; its pods stay as they are. */
  setWorking(node: string, working: boolean): void {
    if (working) {
      this.#working.add(node);
    } else {
      this.#working.delete(node);
    }
  }

  /** What becomes of a pod of this name from now on, whichever comes. */
  setFate(namespace: string, pod: string, fate: PodFate): void {
    this.#fates.set(`${namespace}/${pod}`, fate);
  }

  /** A deleted pod of this name stays Terminating until it is told otherwise. */
  setLingering(namespace: string, pod: string, lingers: boolean): void {
    const key = `${namespace}/${pod}`;
    if (lingers) {
      this.#lingering.add(key);
    } else {
      this.#lingering.delete(key);
    }
  }

  /** Errors of the last looks, for the message of a test that waits in vain. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#look();
      } catch (error) {
        // The API server may be down on purpose; the next look finds what is left to do.
        this.#problems.splice(0, Math.max(0, this.#problems.length - 9));
        this.#problems.push(Error.isError(error) ? error.message : String(error));
      }
      await pause(lookMs);
    }
  }

  async #look(): Promise<void> {
    const [pods, claims, volumes, nodes] = await Promise.all([
      this.#client.list<Pod>({ apiVersion: 'v1', kind: 'Pod' }),
      this.#client.list<PersistentVolumeClaim>({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' }),
      this.#client.list<PersistentVolume>({ apiVersion: 'v1', kind: 'PersistentVolume' }),
      this.#client.list<Node>({ apiVersion: 'v1', kind: 'Node' }),
    ]);
    const world = { working: this.#working, fates: this.#fates, lingering: this.#lingering };
    const volumeSteps = planVolumes({
      claims: claims.items,
      volumes: volumes.items,
      nodes: nodes.items,
      folder: '/fake',
    });
    await Promise.all([
      ...planPods(pods.items, world).map((step) => this.#takePodStep(step)),
      ...volumeSteps.map((step) => this.#takeVolumeStep(step)),
    ]);
  }

  async #takePodStep(step: PodStep): Promise<void> {
    const { pod } = step;
    const ref = { ...pod, ...pod.metadata };
    if (step.kind === 'delete') {
      const { uid } = pod.metadata;
      await forgiving(
        this.#client.delete(ref, {
          gracePeriodSeconds: 0,
          ...(uid === undefined ? {} : { uid }),
        }),
      );
      return;
    }
    const podIP = pod.status?.podIP ?? this.#nextAddress();
    const status = statusOf(pod, step.fate, { podIP, now: new Date().toISOString() });
    const { uid } = pod.metadata;
    await forgiving(this.#client.patch(ref, { metadata: { uid }, status }, 'status'));
  }

  async #takeVolumeStep(step: VolumeStep): Promise<void> {
    const volume = { apiVersion: 'v1', kind: 'PersistentVolume' };
    switch (step.kind) {
      case 'create':
        await forgiving(this.#client.create(step.volume));
        return;
      case 'grow-volume': {
        const body = { spec: { capacity: { storage: step.storage } } };
        await forgiving(this.#client.patch({ ...volume, name: step.name }, body));
        return;
      }
      case 'grow-claim': {
        const ref = { ...step.claim, ...step.claim.metadata };
        const body = { status: { capacity: { storage: step.storage } } };
        await forgiving(this.#client.patch(ref, body, 'status'));
        return;
      }
      case 'delete':
        await this.#client.delete({ ...volume, name: step.name });
    }
  }

  /** Addresses of the pods' test range, a new one for each pod; nobody answers there. */
  #nextAddress(): string {
    this.#addresses = (this.#addresses + 1) % (250 * 250);
    return `198.18.${Math.floor(this.#addresses / 250)}.${(this.#addresses % 250) + 2}`;
  }

  async #makeNode(name: string, zone: string): Promise<void> {
    const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone };
    const ref = { apiVersion: 'v1', kind: 'Node', name };
    await this.#client.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
    const resources = { cpu: '64', memory: '256Gi', pods: '500', 'ephemeral-storage': '1Ti' };
    const now = new Date().toISOString();
    await this.#client.patch(
      ref,
      {
        status: {
          capacity: resources,
          allocatable: resources,
          conditions: [
            {
              type: 'Ready',
              status: 'True',
              reason: 'KubeletReady',
              lastHeartbeatTime: now,
              lastTransitionTime: now,
            },
          ],
        },
      },
      'status',
    );
    // The controller manager takes the taint of a new node away once it is Ready.
  }
}

/** The list was a moment old: what was planned on it may be done, gone or another by now. */
async function forgiving(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isKubeError(error, 404) && !isKubeError(error, 409)) {
      throw error;
    }
  }
}
