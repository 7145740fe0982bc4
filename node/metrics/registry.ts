/**
 * The metrics of one node: `prom-client` behind access that is typed by the list in `names.ts`.
 * One registry a node, made by `main.ts` and passed down; no global registry is touched, so several
 * nodes can live in one process (tests, simulation).
 *
 * Hot paths take a bound counter: it adds to a plain number, and the sum goes to the registry when
 * someone looks. Values that already live elsewhere are read at that moment by `onCollect`.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { assert } from '../lib/assert.ts';
import type { CounterKey, GaugeKey, HistogramKey, LabelsOf, SeriesSpec } from './names.ts';
import { series } from './names.ts';

/** Between samples of the loop's delay: the default of 10 wakes an idle node 100 times a second. */
const loopSampleMs = 100;

export interface BoundCounter {
  add(count?: number): void;
}

export interface BoundGauge {
  set(value: number): void;
}

export interface BoundHistogram {
  observe(value: number): void;
}

/** A counter whose sum waits for the next collection. */
class PendingCounter implements BoundCounter {
  #pending = 0;

  add(count = 1): void {
    this.#pending += count;
  }

  take(): number {
    const count = this.#pending;
    this.#pending = 0;
    return count;
  }
}

export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #pending = new Map<string, { readonly flush: () => void; readonly of: BoundCounter }>();
  readonly #collectors: (() => void)[] = [];

  constructor(options: { readonly processMetrics: boolean }) {
    this.contentType = this.#registry.contentType;
    for (const [key, spec] of Object.entries<SeriesSpec>(series)) {
      this.#register(key, spec);
    }
    if (options.processMetrics) {
      const eventLoopMonitoringPrecision = loopSampleMs;
      collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision });
    }
  }

  /** A counter of fixed labels. The same key and labels give the same counter. */
  counter<K extends CounterKey>(key: K, labels: LabelsOf<K>): BoundCounter {
    const id = `${key} ${JSON.stringify(labels)}`;
    const known = this.#pending.get(id);
    if (known !== undefined) {
      return known.of;
    }
    const target = this.#counters.get(key);
    assert(target !== undefined, `No counter of this key: ${key}`);
    const bound = new PendingCounter();
    const child = target.labels(labels);
    this.#pending.set(id, { of: bound, flush: () => child.inc(bound.take()) });
    return bound;
  }

  gauge<K extends GaugeKey>(key: K, labels: LabelsOf<K>): BoundGauge {
    const target = this.#gauges.get(key);
    assert(target !== undefined, `No gauge of this key: ${key}`);
    return target.labels(labels);
  }

  histogram<K extends HistogramKey>(key: K, labels: LabelsOf<K>): BoundHistogram {
    const target = this.#histograms.get(key);
    assert(target !== undefined, `No histogram of this key: ${key}`);
    return target.labels(labels);
  }

  /** `collector` runs each time someone looks; it sets gauges or adds to counters. */
  onCollect(collector: () => void): void {
    this.#collectors.push(collector);
  }

  /** The text that `/metrics` answers with. */
  async metrics(): Promise<string> {
    for (const collector of this.#collectors) {
      collector();
    }
    for (const pending of this.#pending.values()) {
      pending.flush();
    }
    return await this.#registry.metrics();
  }

  #register(key: string, spec: SeriesSpec): void {
    const common = {
      name: spec.name,
      help: spec.help,
      labelNames: [...spec.labels],
      registers: [this.#registry],
    };
    switch (spec.type) {
      case 'counter':
        this.#counters.set(key, new Counter(common));
        break;
      case 'gauge':
        this.#gauges.set(key, new Gauge(common));
        break;
      case 'histogram':
        this.#histograms.set(key, new Histogram({ ...common, buckets: [...(spec.buckets ?? [])] }));
        break;
    }
  }
}
