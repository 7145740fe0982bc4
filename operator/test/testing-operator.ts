/**
 * A whole operator in this process, for tests: the real one, a testing API server with pods that
 * come and go, and a model of the database behind real connections.
 */
import type { Timers } from '../../node/sys/clock.ts';
import { silentLogger } from '../../node/sys/log.ts';
import { realClock } from '../../node/sys/real/clock.ts';
import { realRandom } from '../../node/sys/real/random.ts';
import { realTimers } from '../../node/sys/real/timers.ts';
import type { ClusterStatus } from '../api/cluster-status.ts';
import { apiGroup } from '../api/dynamo-cluster.ts';
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import type { KubeObject, StatefulSet } from '../api/kube-object.ts';
import { TestingApiServer } from '../kube/testing-api-server.ts';
import { grpcDoors } from '../nodes/grpc-database.ts';
import { OperatorProcess } from '../reconcile/operator-process.ts';
import { parseOperatorOptions } from '../reconcile/options.ts';
import { ModelDatabase } from './testing-model.ts';
import { ModelNodes } from './testing-nodes.ts';
import { testingCluster } from './testing-cluster.ts';
import { TestingKubelet, claims, namespace, sets } from './testing-kubelet.ts';

const clusters = `/apis/${apiGroup}/v1alpha1/namespaces/${namespace}/dynamoclusters`;
const nodesMax = 6;
const name = 'demo';
/** Of a spec in tests: nothing waits for the sake of waiting. */
const impatient = {
  shards: 8,
  scaleDown: { stabilizationSeconds: 0 },
  update: { minReadySeconds: 0 },
};

/** Time limits of requests are longer than this; pauses between looks are shorter, ms. */
const pauseMsMax = 5_000;

/** Pauses are a tenth of what they are, limits are not. */
const hurried: Timers = {
  ...realTimers,
  after: (ms, act) => realTimers.after(ms > pauseMsMax ? ms : ms / 10, act),
};

export class TestingOperator {
  readonly server: TestingApiServer;
  readonly kubelet: TestingKubelet;
  readonly database: ModelDatabase;
  readonly #nodes: ModelNodes;
  #process: OperatorProcess | undefined;

  private constructor(parts: {
    readonly server: TestingApiServer;
    readonly kubelet: TestingKubelet;
    readonly database: ModelDatabase;
    readonly nodes: ModelNodes;
  }) {
    this.server = parts.server;
    this.kubelet = parts.kubelet;
    this.database = parts.database;
    this.#nodes = parts.nodes;
  }

  static async start(): Promise<TestingOperator> {
    const server = await TestingApiServer.start();
    const kubelet = new TestingKubelet(server);
    const database = new ModelDatabase({
      nowMs: () => realClock.wallMs(),
      runs: (pod) => kubelet.runs(pod),
    });
    const names = Array.from({ length: nodesMax }, (_, ordinal) => `${name}-${ordinal}`);
    const nodes = await ModelNodes.start(database, names);
    for (const [index, zone] of ['a', 'b', 'c'].entries()) {
      const labels = { 'topology.kubernetes.io/zone': zone };
      const status = { conditions: [{ type: 'Ready', status: 'True' }] };
      const metadata = { name: `machine-${index}`, labels };
      server.put('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata, spec: {}, status });
    }
    const self = new TestingOperator({ server, kubelet, database, nodes });
    await self.startOperator();
    return self;
  }

  async startOperator(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const parsed = parseOperatorOptions({
      DYNAKV_OPERATOR_WATCH_NAMESPACES: namespace,
      DYNAKV_OPERATOR_LISTEN_HOST: '127.0.0.1',
      DYNAKV_OPERATOR_LISTEN_PORT: '0',
      DYNAKV_OPERATOR_LEASE_RETRY_MS: '50',
      ...env,
    });
    if ('problems' in parsed) {
      throw new Error(parsed.problems.join('\n'));
    }
    this.#process = new OperatorProcess({
      ...{ options: parsed.options, log: silentLogger, version: '1.0.0', hostName: 'test' },
      connection: { server: this.server.url, namespace: 'operators' },
      ...{ clock: realClock, timers: hurried, random: realRandom, processMetrics: false },
      doors: () =>
        grpcDoors({
          channelsOf: () => undefined,
          addressOf: (door) => this.#nodes.addresses[door.pod] ?? '',
        }),
      onReplaced: () => undefined,
    });
    await this.#process.start();
  }

  async stopOperator(): Promise<void> {
    await this.#process?.stop();
    this.#process = undefined;
  }

  async stop(): Promise<void> {
    await this.stopOperator();
    await this.#nodes.stop();
    await this.server.stop();
  }

  /** Puts the cluster with this spec, as people would. */
  apply(spec: object): void {
    const { metadata, ...rest } = testingCluster({ ...impatient, ...spec }, name);
    const old = this.server.find(clusters, name);
    const status = old?.['status'] === undefined ? {} : { status: old['status'] };
    this.server.put(clusters, { ...rest, ...status, metadata });
  }

  /** The cluster is gone, with all that names it as its controller. */
  remove(): void {
    this.server.remove(clusters, name);
  }

  get cluster(): DynamoCluster {
    return this.server.find(clusters, name) as DynamoCluster;
  }

  get set(): StatefulSet | undefined {
    return this.server.find(sets, name);
  }

  claim(ordinal: number): KubeObject | undefined {
    return this.server.find(claims, `data-${name}-${ordinal}`);
  }

  get status(): ClusterStatus {
    return this.cluster.status ?? {};
  }

  /** `True`, `False` or `Unknown`, with the reason. */
  condition(type: string): string {
    const found = this.status.conditions?.find((each) => each.type === type);
    return found === undefined ? 'absent' : `${found.status} ${found.reason}`;
  }

  /** Ready at the generation that the cluster has now. */
  get isReady(): boolean {
    const { conditions = [], observedGeneration } = this.status;
    const ready = conditions.find((each) => each.type === 'Ready');
    return ready?.status === 'True' && observedGeneration === this.cluster.metadata.generation;
  }
}
