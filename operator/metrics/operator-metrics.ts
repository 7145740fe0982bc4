/**
 * The operator's own series. Those of a cluster die with it (O26): they are set anew from what is
 * known at each collection, so nothing is left behind of one that is gone.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export interface ClusterFacts {
  readonly namespace: string;
  readonly name: string;
  readonly desiredNodes: number;
  readonly readyNodes: number;
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
  readonly blocked: readonly { readonly operation: string; readonly reason: string }[];
  readonly drain?:
    { readonly shardsRemaining: number; readonly lastProgressAtMs: number } | undefined;
  readonly certificates: readonly { readonly name: string; readonly notAfterMs: number }[];
}

export interface ProcessFacts {
  readonly isLeader: boolean;
  readonly queueDepth: number;
  readonly queueAddsTotal: number;
  readonly queueRetriesTotal: number;
  readonly longestRunningSeconds: number;
  readonly watches: readonly {
    readonly kind: string;
    readonly restarts: number;
    readonly silentSeconds: number;
  }[];
  readonly clusters: readonly ClusterFacts[];
}

const prefix = 'dynakv_operator_';
const loopSampleMs = 100;
const secondsBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class OperatorMetrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #reconciles: Counter<'result'>;
  readonly #seconds: Histogram;
  readonly #requests: Counter<'verb' | 'code'>;
  readonly #gauges = new Map<string, Gauge>();
  readonly #facts: () => ProcessFacts;

  constructor(options: { readonly facts: () => ProcessFacts; readonly processMetrics: boolean }) {
    this.#facts = options.facts;
    this.contentType = this.#registry.contentType;
    const registers = [this.#registry];
    this.#reconciles = new Counter({
      ...{ name: `${prefix}reconcile_total`, help: 'Rounds by result', registers },
      labelNames: ['result'],
    });
    this.#seconds = new Histogram({
      ...{ name: `${prefix}reconcile_duration_seconds`, help: 'Time of a round', registers },
      buckets: secondsBuckets,
    });
    this.#requests = new Counter({
      ...{ name: `${prefix}api_requests_total`, help: 'Requests to the API server', registers },
      labelNames: ['verb', 'code'],
    });
    const gauges: readonly (readonly [string, string, readonly string[]])[] = [
      ['leader', '1 while this process holds the Lease', []],
      ['workqueue_depth', 'Keys that wait', []],
      ['workqueue_adds', 'Keys added since the start', []],
      ['workqueue_retries', 'Rounds that failed and came back, since the start', []],
      ['workqueue_longest_running_seconds', 'Age of the longest round under way', []],
      ['watch_restarts', 'Watches begun anew since the start', ['kind']],
      ['watch_last_event_age_seconds', 'Since the server was last heard of', ['kind']],
      ['cluster_condition', '1 for the status that a condition has', cluster('type', 'status')],
      ['cluster_desired_nodes', 'spec.replicas', cluster()],
      ['cluster_ready_nodes', 'Pods that are Ready', cluster()],
      ['drain_shards_remaining', 'Copies left on the node that is drained', cluster()],
      ['drain_last_progress_timestamp_seconds', 'When a drain came further last', cluster()],
      ['certificate_expiry_timestamp_seconds', 'When a certificate ends', cluster('secret')],
      ['operation_blocked', '1 while an operation waits', cluster('operation', 'reason')],
    ];
    for (const [name, help, labelNames] of gauges) {
      const gauge = new Gauge({
        name: prefix + name,
        help,
        labelNames: [...labelNames],
        registers,
      });
      this.#gauges.set(name, gauge);
    }
    if (options.processMetrics) {
      collectDefaultMetrics({
        register: this.#registry,
        eventLoopMonitoringPrecision: loopSampleMs,
      });
    }
  }

  reconciled(result: 'success' | 'error', seconds: number): void {
    this.#reconciles.inc({ result });
    this.#seconds.observe(seconds);
  }

  requested(verb: string, code: number): void {
    this.#requests.inc({ verb, code: String(code) });
  }

  async text(): Promise<string> {
    this.#collect(this.#facts());
    return await this.#registry.metrics();
  }

  #collect(facts: ProcessFacts): void {
    for (const gauge of this.#gauges.values()) {
      gauge.reset();
    }
    this.#set('leader', {}, facts.isLeader ? 1 : 0);
    this.#set('workqueue_depth', {}, facts.queueDepth);
    this.#set('workqueue_adds', {}, facts.queueAddsTotal);
    this.#set('workqueue_retries', {}, facts.queueRetriesTotal);
    this.#set('workqueue_longest_running_seconds', {}, facts.longestRunningSeconds);
    for (const { kind, restarts, silentSeconds } of facts.watches) {
      this.#set('watch_restarts', { kind }, restarts);
      this.#set('watch_last_event_age_seconds', { kind }, silentSeconds);
    }
    for (const each of facts.clusters) {
      this.#collectCluster(each);
    }
  }

  #collectCluster(facts: ClusterFacts): void {
    const of = { namespace: facts.namespace, cluster: facts.name };
    this.#set('cluster_desired_nodes', of, facts.desiredNodes);
    this.#set('cluster_ready_nodes', of, facts.readyNodes);
    for (const { type, status } of facts.conditions) {
      this.#set('cluster_condition', { ...of, type, status }, 1);
    }
    for (const { operation, reason } of facts.blocked) {
      this.#set('operation_blocked', { ...of, operation, reason }, 1);
    }
    for (const { name, notAfterMs } of facts.certificates) {
      const labels = { ...of, secret: name };
      this.#set('certificate_expiry_timestamp_seconds', labels, notAfterMs / 1_000);
    }
    if (facts.drain !== undefined) {
      this.#set('drain_shards_remaining', of, facts.drain.shardsRemaining);
      const seconds = facts.drain.lastProgressAtMs / 1_000;
      this.#set('drain_last_progress_timestamp_seconds', of, seconds);
    }
  }

  #set(name: string, labels: Readonly<Record<string, string>>, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }
}

function cluster(...more: readonly string[]): readonly string[] {
  return ['namespace', 'cluster', ...more];
}
