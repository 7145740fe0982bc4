/**
 * The system group's evaluator on its leader: one command at a time, each against the applied
 * catalog, so that no overlay is needed (schema changes are rare). And the follower of the
 * group's applied rows: the local catalog.
 *
 * Invariant: a decision is made only while nothing of an earlier one is unapplied, in the open
 * term; an answer that changes nothing waits for a read round begun after it (P4).
 */
import { BoundedQueue } from '../lib/bounded-queue.ts';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import type { Group, GroupListener } from '../host/group.ts';
import { encodeBatch } from '../items/batch.ts';
import type { RowWrite } from '../items/batch.ts';
import type { AnyDone, SystemRunner } from '../router/router.ts';
import type { AdminRequest } from './admin-requests.ts';
import type { Catalog } from './catalog.ts';
import { decideSystem } from './system-commands.ts';
import type { SystemCommand } from './system-commands.ts';
import type { SystemDecision, SystemFacts } from './system-decision.ts';

/** Commands waiting their turn; more are a throttle. */
const queueMax = 1_000;

interface Waiting {
  readonly command: SystemCommand;
  readonly done: AnyDone;
}

export interface SystemGroupEvents {
  /** This node leads the system group from now on. */
  opened(term: number): void;
  closed(): void;
  /** People and controllers ask the manager. */
  admin(request: AdminRequest): Promise<unknown>;
  /** The rows were replaced by a snapshot: scan them again. */
  installed(group: Group): void;
}

export class SystemGroup implements GroupListener, SystemRunner {
  readonly #catalog: Catalog;
  readonly #facts: Omit<SystemFacts, 'term'>;
  readonly #events: SystemGroupEvents;
  readonly #queue = new BoundedQueue<Waiting>(queueMax);
  #busy = false;
  /** The local catalog is older than the applied rows: nothing may be decided on it. */
  reloading = false;

  constructor(catalog: Catalog, facts: Omit<SystemFacts, 'term'>, events: SystemGroupEvents) {
    this.#catalog = catalog;
    this.#facts = facts;
    this.#events = events;
  }

  opened(_group: Group, term: number): void {
    this.#busy = false;
    this.#events.opened(term);
  }

  closed(group: Group): void {
    this.#busy = false;
    for (const waiting of this.#queue.drain()) {
      waiting.done(notLeader(group), undefined);
    }
    this.#events.closed();
  }

  applied(_group: Group, _index: number, _term: number, writes: readonly RowWrite[]): void {
    this.#catalog.apply(writes);
  }

  installed(group: Group): void {
    this.#events.installed(group);
  }

  run(group: Group, body: unknown, done: AnyDone): void {
    if (group.openTerm === 0) {
      done(notLeader(group), undefined);
      return;
    }
    if (group.transferring || this.reloading) {
      const why = this.reloading ? 'loads a snapshot' : 'hands over its leadership';
      done(new DynakvError('NotOpen', `The system group ${why}`), undefined);
      return;
    }
    if ((body as { readonly op?: unknown }).op === 'admin') {
      this.#runAdmin(body as AdminRequest, done);
      return;
    }
    if (!this.#queue.push({ command: body as SystemCommand, done })) {
      done(
        new DynakvError('Throttled', `Cannot queue a system command: ${queueMax} wait`, {
          limit: 'system-commands',
        }),
        undefined,
      );
      return;
    }
    this.#next(group);
  }

  #runAdmin(request: AdminRequest, done: AnyDone): void {
    this.#events.admin(request).then(
      (body) => {
        done(undefined, { kind: 'system', body });
      },
      (error: unknown) => {
        const failure = isDynakvError(error)
          ? error
          : new DynakvError('Refused', `Cannot answer: ${messageOf(error)}`, {}, error);
        done(failure, undefined);
      },
    );
  }

  #next(group: Group): void {
    while (!this.#busy) {
      const waiting = this.#queue.shift();
      if (waiting === undefined) {
        return;
      }
      this.#run(group, waiting);
    }
  }

  #run(group: Group, { command, done }: Waiting): void {
    const term = group.openTerm;
    if (term === 0) {
      done(notLeader(group), undefined);
      return;
    }
    const decided = this.#decide(command, term);
    if (isDynakvError(decided) || decided.writes.length === 0) {
      group.readBarrier((confirmed) => {
        if (!confirmed || group.openTerm !== term) {
          done(notLeader(group), undefined);
        } else if (isDynakvError(decided)) {
          done(decided, undefined);
        } else {
          done(undefined, { kind: 'system', body: decided.reply });
        }
      });
      return;
    }
    try {
      this.#propose(group, term, decided, done);
    } catch (error) {
      if (!isDynakvError(error)) {
        throw error;
      }
      done(error, undefined);
    }
  }

  /** What the command comes to; an error is a refusal. */
  #decide(command: SystemCommand, term: number): SystemDecision | DynakvError {
    try {
      const { nowMs, isLive } = this.#facts;
      return decideSystem(this.#catalog, command, { term, nowMs, isLive });
    } catch (error) {
      return isDynakvError(error)
        ? error
        : new DynakvError('Refused', `Cannot run it: ${messageOf(error)}`, {}, error);
    }
  }

  #propose(group: Group, term: number, { writes, reply }: SystemDecision, done: AnyDone): void {
    group.propose(encodeBatch(writes), term, (outcome) => {
      if (outcome === 'done') {
        done(undefined, { kind: 'system', body: reply });
      } else if (outcome === 'notDone') {
        done(new DynakvError('SurelyNotDone', 'Another entry was committed instead'), undefined);
      } else {
        done(new DynakvError('OutcomeUnknown', 'The outcome is unknown'), undefined);
      }
      if (group.openTerm === term) {
        this.#busy = false;
        this.#next(group);
      }
    });
    this.#busy = true;
  }
}

function notLeader(group: Group): DynakvError {
  return new DynakvError('NotLeader', 'This node does not lead the system group', {
    group: group.groupId,
    leaderNode: group.isLeader ? undefined : group.leaderNode,
  });
}
