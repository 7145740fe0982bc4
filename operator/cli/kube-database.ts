/**
 * A database found through Kubernetes: the DynamoCluster by namespace and name, its pods, and the
 * Secrets that let the operator in. Pods are reached through `kubectl port-forward`, which works
 * from a laptop, or at their own addresses where this host routes to them.
 */
import { DynakvError } from '../../node/lib/errors.ts';
import type { Timers } from '../../node/sys/clock.ts';
import { apiVersion, clusterKind } from '../api/dynamo-cluster.ts';
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import type { Pod, Secret } from '../api/kube-object.ts';
import { objectNames, podHost, ports, selectorLabels } from '../api/names.ts';
import type { PodView } from '../api/observed.ts';
import { kindOf } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { PortForward } from '../kube/port-forward.ts';
import { PemChannels } from '../nodes/pem-channels.ts';
import { podView } from '../observe/kube-views.ts';
import type { Way } from './pod-calls.ts';

const clusterKindOf = kindOf<DynamoCluster>(apiVersion, clusterKind, 'dynamoclusters');
const podKind = kindOf<Pod>('v1', 'Pod', 'pods');
const secretKind = kindOf<Secret>('v1', 'Secret', 'secrets');

export interface KubeDatabaseOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Absent: the only one of the namespace. */
  readonly cluster: string | undefined;
  /** Dials pods by their addresses. */
  readonly isDirect: boolean;
  readonly kubectl: string;
  /** What kubectl needs to mean the same cluster and namespace. */
  readonly kubectlArgs: readonly string[];
  readonly timers: Timers;
}

interface Credentials {
  readonly bundle: string;
  readonly certificate: string;
  readonly key: string;
}

export class KubeDatabase {
  readonly #options: KubeDatabaseOptions;
  readonly #pods = new Map<string, PodView>();
  #name: Promise<string> | undefined;
  #credentials: Promise<Credentials> | undefined;

  constructor(options: KubeDatabaseOptions) {
    this.#options = options;
  }

  /** Names of pods that may answer, the ready ones first; never none. */
  async findPods(): Promise<readonly string[]> {
    const { client, namespace } = this.#options;
    const cluster = await this.#cluster();
    const labelSelector = Object.entries(selectorLabels(cluster))
      .map(([name, value]) => `${name}=${value}`)
      .join(',');
    const { items } = await client.list(podKind, { namespace, labelSelector });
    const pods = items
      .map((pod) => podView(cluster, pod))
      .filter((pod) => pod !== undefined)
      .sort((a, b) => Number(b.ready) - Number(a.ready) || a.ordinal - b.ordinal);
    const running = pods.filter((pod) => pod.ip !== '' && !pod.terminating);
    if (running.length === 0) {
      const why = pods.map(({ name, failure }) => `${name}: ${failure || 'not started'}`);
      const seen = pods.length === 0 ? 'it has no pods' : why.join(', ');
      throw new DynakvError('Unavailable', `Cannot reach the cluster "${cluster}": ${seen}`);
    }
    for (const pod of running) {
      this.#pods.set(pod.name, pod);
    }
    return running.map(({ name }) => name);
  }

  /** The way to the node in a pod that `findPods` named. */
  async wayTo(pod: string): Promise<Way> {
    const view = this.#pods.get(pod);
    if (view === undefined) {
      throw missing(`the pod "${pod}"`);
    }
    const { namespace } = this.#options;
    const { bundle, ...pair } = await this.#secrets();
    const host = podHost(await this.#cluster(), namespace, view.ordinal);
    const channels = new PemChannels({ bundle, ...pair }, host);
    if (this.#options.isDirect) {
      const ip = view.ip.includes(':') ? `[${view.ip}]` : view.ip;
      return { address: `${ip}:${ports.peers}`, channels };
    }
    const { kubectl, kubectlArgs: args, timers } = this.#options;
    const to = { target: `pod/${pod}`, port: ports.peers };
    const forward = await PortForward.start({ kubectl, args, timers, ...to });
    const close = (): void => forward.close();
    return { address: `127.0.0.1:${forward.port}`, channels, close };
  }

  async #cluster(): Promise<string> {
    this.#name ??= this.#findCluster();
    return await this.#name;
  }

  async #findCluster(): Promise<string> {
    const { client, namespace, cluster } = this.#options;
    if (cluster !== undefined) {
      if ((await client.find(clusterKindOf, namespace, cluster)) === undefined) {
        throw missing(`a DynamoCluster "${cluster}" in the namespace "${namespace}"`);
      }
      return cluster;
    }
    const names = (await this.#listClusters()).map(({ metadata }) => metadata.name);
    const [only, ...others] = names;
    if (only === undefined) {
      throw missing(`a DynamoCluster in the namespace "${namespace}": --namespace names another`);
    }
    if (others.length > 0) {
      throw new DynakvError(
        'ConfigInvalid',
        `Cannot choose between the clusters of "${namespace}": name one by --cluster: ${names.join(', ')}`,
      );
    }
    return only;
  }

  async #listClusters(): Promise<readonly DynamoCluster[]> {
    const { client, namespace } = this.#options;
    try {
      return (await client.list(clusterKindOf, { namespace })).items;
    } catch (error) {
      if (isKubeError(error, 404)) {
        throw missing('DynamoClusters: the API server does not know them; install the operator');
      }
      throw error;
    }
  }

  async #secrets(): Promise<Credentials> {
    this.#credentials ??= this.#readSecrets();
    return await this.#credentials;
  }

  /** The operator's own: whoever may read them may do what it may. */
  async #readSecrets(): Promise<Credentials> {
    const names = objectNames(await this.#cluster());
    const read = async (name: string, entry: string): Promise<string> => {
      const secret = await this.#options.client.find(secretKind, this.#options.namespace, name);
      const text = secret?.data?.[entry];
      if (text === undefined) {
        throw missing(`"${entry}" in the Secret "${name}", which the operator makes`);
      }
      return Buffer.from(text, 'base64').toString('utf8');
    };
    return {
      bundle: await read(names.caBundleSecret, 'ca.crt'),
      certificate: await read(names.operatorTlsSecret, 'tls.crt'),
      key: await read(names.operatorTlsSecret, 'tls.key'),
    };
  }
}

function missing(what: string): DynakvError {
  return new DynakvError('Unavailable', `Cannot find ${what}`);
}
