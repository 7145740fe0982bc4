/**
 * The database in pods without the operator: a StatefulSet, two Services, and the admin call that
 * creates the cluster. For specs of the platform and of the image alone.
 */
import { request } from 'node:http';
import { join } from 'node:path';
import { run } from '../lib/command.ts';
import type { KubeObject, ObjectRef, Pod } from '../lib/kube-objects.ts';
import { isReadyPod } from '../lib/kube-objects.ts';
import type { Endpoint } from '../lib/reach.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until } from '../lib/waiting.ts';
import { watchObject, watchUntil } from '../lib/watch-until.ts';
import type { SpecCluster } from '../spec-cluster.ts';

const root = join(import.meta.dirname, '..', '..');
const buf = join(root, 'node_modules', '.bin', 'buf');
const app = 'db';

export class PlainDatabase {
  readonly #spec: SpecCluster;
  readonly #replicas: number;

  constructor(spec: SpecCluster, replicas: number) {
    this.#spec = spec;
    this.#replicas = replicas;
  }

  podRef(ordinal: number): ObjectRef {
    return this.#ref('v1', 'Pod', `${app}-${ordinal}`);
  }

  claim(ordinal: number): ObjectRef {
    return this.#ref('v1', 'PersistentVolumeClaim', `data-${app}-${ordinal}`);
  }

  async pod(ordinal: number): Promise<Pod> {
    return await this.#spec.client.get<Pod>(this.podRef(ordinal));
  }

  async apply(): Promise<void> {
    const services = [
      this.#serviceObject(app, 7_000, { clusterIP: 'None', publishNotReadyAddresses: true }),
      this.#serviceObject('client', 8_000, {}),
    ];
    for (const object of [...services, this.#statefulSet()]) {
      await this.#spec.client.apply(object);
    }
  }

  /** All containers run; before `init` no pod is Ready. */
  async started(): Promise<readonly Pod[]> {
    return await this.#wait(
      'to run',
      (pod) => pod.status?.containerStatuses?.[0]?.state?.['running'] !== undefined,
    );
  }

  async ready(): Promise<readonly Pod[]> {
    return await this.#wait('to be Ready', isReadyPod);
  }

  /** Waits until another pod of the same name has come. */
  async replaced(before: Pod): Promise<void> {
    const { name, namespace = '', uid } = before.metadata;
    await watchObject<Pod>(
      this.#spec.client,
      { apiVersion: 'v1', kind: 'Pod', name, namespace },
      {
        what: `another ${name} to come`,
        timeoutMs: timeouts.gone,
        missing: (pod) =>
          pod !== undefined && pod.metadata.uid !== uid ? undefined : 'it has not',
      },
    );
  }

  /** Waits until the pod's container runs again, and is Ready, after it has ended. */
  async restarted(before: Pod): Promise<void> {
    const { name, namespace = '' } = before.metadata;
    const count = before.status?.containerStatuses?.[0]?.restartCount ?? 0;
    await watchObject<Pod>(
      this.#spec.client,
      { apiVersion: 'v1', kind: 'Pod', name, namespace },
      {
        what: `the container of ${name} to have started again`,
        timeoutMs: timeouts.podsReady,
        missing: (pod) => {
          const status = pod?.status?.containerStatuses?.[0];
          return status !== undefined && status.restartCount > count && status.ready
            ? undefined
            : `restarts ${status?.restartCount ?? 0}, ready ${status?.ready ?? false}`;
        },
      },
    );
  }

  /** Creates the cluster, as the operator will: asked of one node, repeated until it is done. */
  async init(): Promise<void> {
    const domain = `${app}.${this.#spec.namespace}.svc.cluster.local`;
    const plan = {
      clusterId: this.#spec.namespace,
      shardCount: 16,
      replicationFactor: 3,
      createdAtMs: Date.now(),
      members: Array.from({ length: this.#replicas }, (_, ordinal) => ({
        nodeId: ordinal + 1,
        address: `${app}-${ordinal}.${domain}:7000`,
        clientAddress: `${app}-${ordinal}.${domain}:8000`,
        opsAddress: `${app}-${ordinal}.${domain}:9100`,
        zone: `zone-${ordinal}`,
      })),
    };
    await until('the cluster to be created', timeouts.database, async () => {
      const { host, port } = await this.#reach(`${app}-0`, 7_000);
      const url = `http://${host}:${port}/dynakv.v1.Admin/Init`;
      await run(buf, [
        ...['curl', '--schema', join(root, 'node', 'contract'), '--protocol', 'grpc'],
        ...['--http2-prior-knowledge', '-d', JSON.stringify(plan), url],
      ]);
      return true;
    });
  }

  async exec(ordinal: number, command: readonly string[]): Promise<string> {
    const { namespace } = this.#spec;
    return await this.#spec.kubectl.exec({ namespace, name: `${app}-${ordinal}` }, command);
  }

  async put(key: string, value: unknown): Promise<void> {
    await until(`the write of "${key}" to be acknowledged`, timeouts.database, async () => {
      const { status } = await ask(await this.#service(), 'PUT', key, JSON.stringify(value));
      return status === 200 || status === 201 ? true : undefined;
    });
  }

  async get(key: string): Promise<unknown> {
    return await until(`"${key}" to be read`, timeouts.database, async () => {
      const { status, body } = await ask(await this.#service(), 'GET', key);
      return status === 200 ? (JSON.parse(body) as unknown) : undefined;
    });
  }

  /** One read of one node. */
  async getFrom(pod: string, key: string): Promise<unknown> {
    const { status, body } = await ask(await this.#reach(pod, 8_000), 'GET', key);
    if (status !== 200) {
      throw new Error(`${pod} answered ${status}: ${body}`);
    }
    return JSON.parse(body) as unknown;
  }

  /** Writes into a volume of class `small` until it is full; what the writer said. */
  async fillSmallVolume(): Promise<string> {
    const { client, namespace } = this.#spec;
    await client.apply({
      ...this.#object('v1', 'PersistentVolumeClaim', 'small'),
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'small',
        resources: { requests: { storage: '128Mi' } },
      },
    });
    await client.apply({
      ...this.#object('v1', 'Pod', 'filler'),
      spec: {
        ...podSecurity,
        restartPolicy: 'Never',
        containers: [
          {
            name: 'filler',
            image: this.#spec.image,
            command: ['dd', 'if=/dev/zero', 'of=/data/zeros', 'bs=1M', 'count=1024'],
            securityContext: containerSecurity,
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          },
        ],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'small' } }],
      },
    });
    await watchObject<Pod>(client, this.#ref('v1', 'Pod', 'filler'), {
      what: 'the writer to fail',
      timeoutMs: timeouts.podsReady,
      missing: (pod) =>
        pod?.status?.phase === 'Failed' ? undefined : `it is ${pod?.status?.phase ?? 'not there'}`,
    });
    return await this.#spec.kubectl.logs({ namespace, name: 'filler' });
  }

  async #service(): Promise<Endpoint> {
    return await this.#spec.reach.service(this.#spec.namespace, 'client', 8_000);
  }

  async #reach(pod: string, port: number): Promise<Endpoint> {
    return await this.#spec.reach.pod(this.#spec.namespace, pod, port);
  }

  async #wait(what: string, holds: (pod: Pod) => boolean): Promise<readonly Pod[]> {
    const { client, namespace } = this.#spec;
    const from = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: `app=${app}` };
    return await watchUntil<Pod>(client, from, {
      what: `${this.#replicas} pods ${what}`,
      timeoutMs: timeouts.podsReady,
      missing: (pods) => {
        const good = pods.filter(holds).length;
        return good === this.#replicas ? undefined : `${good} do`;
      },
    });
  }

  #ref(apiVersion: string, kind: string, name: string): ObjectRef {
    return { apiVersion, kind, namespace: this.#spec.namespace, name };
  }

  #object(apiVersion: string, kind: string, name: string): KubeObject {
    return { apiVersion, kind, metadata: { name, namespace: this.#spec.namespace } };
  }

  #serviceObject(name: string, port: number, more: object): KubeObject {
    return {
      ...this.#object('v1', 'Service', name),
      spec: { ...more, selector: { app }, ports: [{ name: 'main', port }] },
    };
  }

  #statefulSet(): KubeObject {
    const spread = {
      maxSkew: 1,
      topologyKey: 'topology.kubernetes.io/zone',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app } },
    };
    const claim = {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };
    return {
      ...this.#object('apps/v1', 'StatefulSet', app),
      spec: {
        serviceName: app,
        replicas: this.#replicas,
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: { app } },
        template: {
          metadata: { labels: { app } },
          spec: {
            ...podSecurity,
            topologySpreadConstraints: [spread],
            containers: [this.#container()],
          },
        },
        volumeClaimTemplates: [claim],
      },
    };
  }

  #container(): object {
    const domain = `${app}.${this.#spec.namespace}.svc.cluster.local`;
    const probe = (path: string): object => ({
      httpGet: { path, port: 9_100 },
      periodSeconds: 1,
      timeoutSeconds: 5,
    });
    return {
      name: 'dynakv',
      image: this.#spec.image,
      imagePullPolicy: 'IfNotPresent',
      args: [
        ...['node', '--insecure'],
        ...['--client-listen=0.0.0.0:8000', '--peer-listen=0.0.0.0:7000'],
        ...['--ops-listen=0.0.0.0:9100', `--peer-advertise=$(POD).${domain}:7000`],
      ],
      env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      resources: { requests: { cpu: '50m', memory: '200Mi' }, limits: { memory: '400Mi' } },
      livenessProbe: { ...probe('/livez'), failureThreshold: 30 },
      readinessProbe: probe('/readyz'),
      securityContext: containerSecurity,
      volumeMounts: [{ name: 'data', mountPath: '/var/lib/dynakv' }],
    };
  }
}

const podSecurity = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    fsGroup: 10_001,
    seccompProfile: { type: 'RuntimeDefault' },
  },
};

const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

function ask(
  { host, port }: Endpoint,
  method: string,
  key: string,
  body?: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      // A new connection each time: the Service chooses a pod per connection.
      { host, port, method, path: `/key/${key}`, agent: false, timeout: 10_000 },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, body: text });
        });
        answer.on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer within 10 s')));
    sent.on('error', reject);
    sent.end(body);
  });
}
