/**
 * One of several operators works at a time: the one whose name is in the Lease. The clock of
 * another machine is never trusted: a Lease is free when nothing in it has changed for its
 * duration as seen from here, by this process' own clock. The holder gives up well before that
 * (`renewMsMax`), so two never hold it together as long as clocks run at about the same rate.
 */
import { messageOf } from '../../node/lib/errors.ts';
import type { Clock, Timers } from '../../node/sys/clock.ts';
import type { Logger } from '../../node/sys/log.ts';
import { FailureStreak } from './failure-streak.ts';
import { kindOf } from './kinds.ts';
import type { KubeClient } from './kube-client.ts';
import { isKubeError } from './kube-error.ts';
import { pause } from './kube-http.ts';
import type { Lease } from '../api/kube-object.ts';

const leaseKind = kindOf<Lease>('coordination.k8s.io/v1', 'Lease', 'leases');

export interface LeaseElectionOptions {
  readonly client: Pick<KubeClient, 'find' | 'create' | 'update'>;
  readonly namespace: string;
  readonly name: string;
  /** Names this life of this process; another life never takes its Lease for its own. */
  readonly identity: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** It has the Lease; `signal` ends when it has no more. Work that fails is the caller's matter. */
  readonly onStarted: (signal: AbortSignal) => void;
  /** It has the Lease no more: `taken` by another, or not renewed in time (`late`), or `stopped`. */
  readonly onStopped: (why: 'taken' | 'late' | 'stopped') => void;
  readonly durationMs?: number;
  readonly renewMsMax?: number;
  readonly retryMs?: number;
}

interface Seen {
  readonly fingerprint: string;
  readonly atMs: number;
}

export class LeaseElection {
  readonly #options: LeaseElectionOptions;
  readonly #durationMs: number;
  readonly #renewMsMax: number;
  readonly #retryMs: number;
  readonly #end = new AbortController();
  readonly #failures: FailureStreak;
  #term: AbortController | undefined;
  #seen: Seen | undefined;
  /** When the request was sent that renewed it last. */
  #renewedMs = 0;
  #acquiredMs = 0;
  #wasTaken = false;
  #running: Promise<void> | undefined;

  constructor(options: LeaseElectionOptions) {
    this.#options = options;
    this.#durationMs = options.durationMs ?? 15_000;
    this.#renewMsMax = options.renewMsMax ?? 10_000;
    this.#retryMs = options.retryMs ?? 2_000;
    this.#failures = new FailureStreak('A look at the Lease', options);
  }

  get isHeld(): boolean {
    return this.remainingMs > 0;
  }

  /** For how long it is surely held, ms; 0 when it is not. */
  get remainingMs(): number {
    if (this.#term === undefined) {
      return 0;
    }
    const elapsedMs = this.#options.clock.monotonicMs() - this.#renewedMs;
    return Math.max(0, this.#renewMsMax - elapsedMs);
  }

  /**
   * How long the first disruption has to wait after the Lease was taken from one that had not given
   * it back: a request of that one may still be under way, for as long as its Lease was good.
   */
  get disruptionWaitMs(): number {
    if (!this.#wasTaken) {
      return 0;
    }
    const elapsedMs = this.#options.clock.monotonicMs() - this.#acquiredMs;
    return Math.max(0, this.#renewMsMax - elapsedMs);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Gives the Lease back, so that another need not wait. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
    if (this.#term !== undefined) {
      this.#leave('stopped');
      await this.#release();
    }
  }

  async #run(): Promise<void> {
    const { timers, clock } = this.#options;
    while (!this.#end.signal.aborted) {
      try {
        await this.#attempt();
        this.#failures.worked();
      } catch (error) {
        this.#failures.failed(error);
      }
      if (this.#term !== undefined && this.remainingMs === 0) {
        this.#leave('late');
      }
      // A holder that is close to its end tries more often, and notices the end in time.
      const waitMs =
        this.#term === undefined ? this.#retryMs : Math.min(this.#retryMs, this.remainingMs);
      await pause(timers, Math.max(10, waitMs), this.#end.signal);
      if (this.#term !== undefined && clock.monotonicMs() - this.#renewedMs >= this.#renewMsMax) {
        this.#leave('late');
      }
    }
  }

  async #attempt(): Promise<void> {
    const { client, namespace, name, identity, clock } = this.#options;
    const sentMs = clock.monotonicMs();
    const lease = await client.find(leaseKind, namespace, name);
    if (lease === undefined) {
      await this.#write(undefined, sentMs);
      return;
    }
    const holder = lease.spec?.holderIdentity ?? '';
    const fingerprint = `${lease.metadata.uid ?? ''} ${holder} ${lease.spec?.renewTime ?? ''}`;
    if (this.#seen?.fingerprint !== fingerprint) {
      this.#seen = { fingerprint, atMs: clock.monotonicMs() };
    }
    if (holder === identity) {
      await this.#write(lease, sentMs);
      return;
    }
    if (this.#term !== undefined) {
      this.#leave('taken');
    }
    const durationMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1_000 || this.#durationMs;
    const isFree = holder === '' || clock.monotonicMs() - this.#seen.atMs > durationMs;
    if (isFree) {
      await this.#write(lease, sentMs);
    }
  }

  /** Takes or renews it. A 409 means that another was faster. */
  async #write(old: Lease | undefined, sentMs: number): Promise<void> {
    const { client, identity, log } = this.#options;
    const isMine = old?.spec?.holderIdentity === identity;
    const wasHeld = (old?.spec?.holderIdentity ?? '') !== '';
    const lease = this.#next(old, isMine ? identity : undefined);
    try {
      await (old === undefined ? client.create(lease) : client.update(lease));
    } catch (error) {
      if (isKubeError(error, 409)) {
        log.debug('Another was faster with the Lease');
        return;
      }
      throw error;
    }
    this.#renewedMs = sentMs;
    if (this.#term === undefined) {
      this.#acquiredMs = sentMs;
      this.#wasTaken = wasHeld && !isMine;
      const term = new AbortController();
      this.#term = term;
      log.info('This operator leads', { lease: this.#options.name, identity });
      this.#options.onStarted(term.signal);
    }
  }

  #next(old: Lease | undefined, renewedBy: string | undefined): Lease {
    const { namespace, name, identity, clock } = this.#options;
    const now = microTime(clock.wallMs());
    const transitions = old?.spec?.leaseTransitions ?? 0;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: old?.metadata ?? { name, namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#durationMs / 1_000),
        acquireTime: renewedBy === undefined ? now : (old?.spec?.acquireTime ?? now),
        renewTime: now,
        leaseTransitions:
          renewedBy === undefined && old !== undefined ? transitions + 1 : transitions,
      },
    };
  }

  #leave(why: 'taken' | 'late' | 'stopped'): void {
    const term = this.#term;
    this.#term = undefined;
    this.#options.log.info('This operator leads no more', { why });
    term?.abort(new Error(`the Lease is held no more: ${why}`));
    this.#options.onStopped(why);
  }

  async #release(): Promise<void> {
    const { client, namespace, name, identity, log } = this.#options;
    try {
      const lease = await client.find(leaseKind, namespace, name);
      if (lease?.spec?.holderIdentity === identity) {
        await client.update({ ...lease, spec: { ...lease.spec, holderIdentity: '' } });
      }
    } catch (error) {
      log.warn('Cannot give the Lease back, others wait until it ends', { why: messageOf(error) });
    }
  }
}

/** Kubernetes' MicroTime: six digits after the second. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/Z$/, '000Z');
}
