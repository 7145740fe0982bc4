/**
 * The part of autocannon 9 that `load.ts` uses, with types: the package is CommonJS and brings
 * none.
 */
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';

export interface LoadRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Histogram {
  readonly average: number;
  readonly max: number;
  readonly p50: number;
  readonly p90: number;
  readonly p97_5: number;
  readonly p99: number;
  readonly p99_9: number;
}

export interface LoadResult {
  /** Seconds. */
  readonly duration: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
  readonly '2xx': number;
  /** Milliseconds. */
  readonly latency: Histogram;
  /** Per second. */
  readonly requests: Histogram & { readonly total: number };
}

export interface LoadOptions {
  readonly url: readonly string[];
  readonly connections: number;
  /** Seconds. */
  readonly duration: number;
  /** Requests per second of all connections; a late one counts from when it was due. */
  readonly overallRate?: number;
  readonly requests: readonly {
    readonly setupRequest: (request: LoadRequest) => LoadRequest;
  }[];
}

type Autocannon = (
  options: LoadOptions,
  done: (error: Error | null, result: LoadResult) => void,
) => EventEmitter;

export const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon;
