/**
 * The parts of an operator put together: client, Secrets, rounds, status, metrics, health. What
 * touches the world outside of the API server comes in, so that a test program can put its own in
 * place of the database's doors.
 */
import type { Clock, Timers } from '../../node/sys/clock.ts';
import type { Logger } from '../../node/sys/log.ts';
import type { Random } from '../../node/sys/random.ts';
import { ClusterSecrets } from '../act/cluster-secrets.ts';
import { StatusWriter } from '../act/status-writer.ts';
import type { ClusterStatus } from '../api/cluster-status.ts';
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import type { Observed, PlanReport } from '../api/observed.ts';
import type { KubeConnection } from '../kube/connection.ts';
import { HealthServer } from '../kube/health-server.ts';
import { KubeClient } from '../kube/kube-client.ts';
import { KubeHttp, requestTimeoutMs } from '../kube/kube-http.ts';
import type { KubeRequest } from '../kube/kube-http.ts';
import { OperatorMetrics } from '../metrics/operator-metrics.ts';
import type { ClusterFacts, ProcessFacts } from '../metrics/operator-metrics.ts';
import type { Door, OpenDoor } from '../nodes/database-port.ts';
import type { GrpcDoorOptions } from '../nodes/grpc-database.ts';
import { PemChannels } from '../nodes/pem-channels.ts';
import { watchedDoors } from '../nodes/watched-door.ts';
import { computeStatus } from '../status/cluster-status.ts';
import { desireWith } from './desire.ts';
import { Operator } from './operator.ts';
import type { OperatorOptions } from './options.ts';

export interface OperatorProcessParts {
  readonly options: OperatorOptions;
  readonly connection: KubeConnection;
  readonly log: Logger;
  readonly version: string;
  readonly hostName: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly processMetrics: boolean;
  readonly doors: (options: GrpcDoorOptions) => OpenDoor;
  readonly onReplaced: () => void;
  /** Called before each write, of Kubernetes and of the database (tests). */
  readonly beforeWrite?: (what: string) => Promise<void>;
}

export class OperatorProcess {
  readonly #parts: OperatorProcessParts;
  readonly #http: KubeHttp;
  readonly #operator: Operator;
  readonly #secrets: ClusterSecrets;
  readonly #metrics: OperatorMetrics;
  readonly #health: HealthServer;
  /** Cluster → its credentials; and what is told of it. */
  readonly #uids = new Map<string, string>();
  readonly #facts = new Map<string, ClusterFacts>();

  constructor(parts: OperatorProcessParts) {
    this.#parts = parts;
    const { options, connection, clock, timers, random } = parts;
    this.#metrics = new OperatorMetrics({
      facts: () => this.#processFacts(),
      processMetrics: parts.processMetrics,
    });
    this.#http = new KubeHttp({
      ...{ connection, timers, random },
      onAnswer: (method, _path, status) => this.#metrics.requested(method, status),
      timeoutMs: (request) => this.#timeoutMs(request),
      ...(parts.beforeWrite === undefined ? {} : { beforeWrite: parts.beforeWrite }),
    });
    const client = new KubeClient(this.#http);
    this.#secrets = new ClusterSecrets({ client, clock });
    this.#operator = this.#makeOperator(client, {
      ...options,
      identity: options.identity ?? `${parts.hostName}-${random.bytes(4).toString('hex')}`,
      leaseNamespace: options.leaseNamespace ?? connection.namespace,
    });
    this.#health = this.#makeHealth();
  }

  async start(): Promise<void> {
    const { options, log, version } = this.#parts;
    const port = await this.#health.listen(options.listenHost, options.listenPort);
    log.info('Operator starts', { version, port, namespaces: options.watchNamespaces.join() });
    this.#operator.start();
  }

  async stop(): Promise<void> {
    await this.#operator.stop();
    await this.#health.close();
    this.#http.close();
  }

  /** No write outlives the Lease under which it was decided (O15). */
  #timeoutMs(request: KubeRequest): number {
    const isOwnLease = request.path.includes('/leases');
    const isRead = request.method === 'GET';
    return isRead || isOwnLease
      ? requestTimeoutMs
      : Math.min(requestTimeoutMs, this.#operator.election.remainingMs);
  }

  #makeOperator(
    client: KubeClient,
    settings: OperatorOptions & { readonly identity: string; readonly leaseNamespace: string },
  ): Operator {
    const { connection, version, onReplaced } = this.#parts;
    const { options } = this.#parts;
    const desire = desireWith({
      ...{ client, secrets: this.#secrets, operatorNamespace: connection.namespace },
      defaultVersion: options.defaultVersion ?? version,
    });
    const { beforeWrite } = this.#parts;
    const doors = this.#parts.doors({ channelsOf: (door) => this.#channelsOf(door) });
    const openDoor = beforeWrite === undefined ? doors : watchedDoors(doors, beforeWrite);
    const writer = new StatusWriter({ client, clock: this.#parts.clock });
    return new Operator(
      {
        ...this.#parts,
        ...{ client, openDoor, onReplaced },
        desire: async (cluster, facts) => {
          this.#uids.set(keyOfCluster(cluster), cluster.metadata.uid);
          return await desire(cluster, facts);
        },
        tell: async (observed, report) => {
          const status = computeStatus(observed, report);
          this.#facts.set(observed.cluster.metadata.uid, factsOf(observed, report, status));
          await writer.write(observed.cluster, status);
        },
        onGone: (uid, key) => {
          this.#secrets.forget(uid);
          writer.forget(uid);
          this.#facts.delete(uid);
          this.#uids.delete(key);
        },
        onRound: (result, seconds) => this.#metrics.reconciled(result, seconds),
      },
      settings,
    );
  }

  #channelsOf(door: Door): PemChannels | undefined {
    const uid = this.#uids.get(`${door.namespace}/${door.cluster}`);
    const set = uid === undefined ? undefined : this.#secrets.peek(uid);
    return set && new PemChannels({ bundle: set.bundle, ...set.operator }, door.host);
  }

  #makeHealth(): HealthServer {
    return new HealthServer({
      live: [{ name: 'process', failure: () => undefined }],
      ready: [{ name: 'copies', failure: () => this.#operator.staleness }],
      metrics: async () => ({
        contentType: this.#metrics.contentType,
        text: await this.#metrics.text(),
      }),
    });
  }

  #processFacts(): ProcessFacts {
    const { queueStats, election, informers } = this.#operator;
    return {
      isLeader: election.isHeld,
      queueDepth: queueStats.depth,
      queueAddsTotal: queueStats.addsTotal,
      queueRetriesTotal: queueStats.retriesTotal,
      longestRunningSeconds: queueStats.longestRunningSeconds,
      watches: informers.map(({ kind, restarts, silentMs }) => ({
        ...{ kind, restarts, silentSeconds: silentMs / 1_000 },
      })),
      clusters: [...this.#facts.values()],
    };
  }
}

function keyOfCluster({ metadata }: DynamoCluster): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function factsOf(observed: Observed, report: PlanReport, status: ClusterStatus): ClusterFacts {
  const { metadata, spec } = observed.cluster;
  const { conditions = [] } = status;
  return {
    ...{ namespace: metadata.namespace, name: metadata.name, desiredNodes: spec.replicas },
    readyNodes: observed.pods.filter((pod) => pod.ready).length,
    conditions,
    blocked: report.operations.flatMap((operation) =>
      operation.blockedBy.map(({ reason }) => ({ operation: operation.type, reason })),
    ),
    certificates: observed.certificates,
  };
}
