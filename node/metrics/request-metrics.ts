/**
 * What a door tells of its requests, and the series made of it. A door takes the interface
 * (`RequestObserver`); `RequestMetrics` binds each operation's series once, on its first request,
 * so that a request costs one look-up. Operations come from a door's fixed list: no label has
 * unbounded values.
 */
import { isDynakvError } from '../lib/errors.ts';
import { secondMs } from '../lib/units.ts';
import type { BoundCounter, BoundHistogram, Metrics } from './registry.ts';

/**
 * - `ok`: answered as asked; `client`: the request was refused;
 * - `throttled`: a limit is reached; `server`: surely not done, the node's fault;
 * - `unknown`: a write of which nobody can say whether it happened.
 */
export type RequestOutcome = 'ok' | 'client' | 'throttled' | 'server' | 'unknown';

export interface RequestObserver {
  /** The last byte of a request is in. */
  started(): void;
  /** Its answer is on its way. */
  finished(operation: string, outcome: RequestOutcome, elapsedMs: number): void;
}

/** The outcome of a request that failed with `error`, answered with `status`. */
export function outcomeOf(error: unknown, status: number): RequestOutcome {
  if (isDynakvError(error, 'OutcomeUnknown')) {
    return 'unknown';
  }
  if (isDynakvError(error, 'Throttled')) {
    return 'throttled';
  }
  return status >= 500 ? 'server' : 'client';
}

/** The name under which a door counts requests for operations that it does not know. */
export const unknownOperation = 'unknown';

interface OperationSeries {
  readonly seconds: BoundHistogram;
  readonly outcomes: Map<RequestOutcome, BoundCounter>;
}

export class RequestMetrics implements RequestObserver {
  readonly #metrics: Metrics;
  readonly #door: string;
  readonly #operations = new Map<string, OperationSeries>();
  #inFlight = 0;

  constructor(metrics: Metrics, door: string) {
    this.#metrics = metrics;
    this.#door = door;
    const gauge = metrics.gauge('requestsInFlight', { door });
    metrics.onCollect(() => {
      gauge.set(this.#inFlight);
    });
  }

  started(): void {
    this.#inFlight += 1;
  }

  finished(operation: string, outcome: RequestOutcome, elapsedMs: number): void {
    this.#inFlight -= 1;
    const series = this.#operations.get(operation) ?? this.#bind(operation);
    series.seconds.observe(elapsedMs / secondMs);
    let counter = series.outcomes.get(outcome);
    if (counter === undefined) {
      counter = this.#metrics.counter('requests', { door: this.#door, operation, outcome });
      series.outcomes.set(outcome, counter);
    }
    counter.add();
  }

  #bind(operation: string): OperationSeries {
    const series: OperationSeries = {
      seconds: this.#metrics.histogram('requestSeconds', { door: this.#door, operation }),
      outcomes: new Map(),
    };
    this.#operations.set(operation, series);
    return series;
  }
}
