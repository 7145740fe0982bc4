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
import type { Catalog } from './catalog.ts';
import { decideSystem } from './system-commands.ts';
import type { SystemCommand } from './system-commands.ts';

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
  /** The rows were replaced by a snapshot: scan them again. */
  installed(group: Group): void;
}

export class SystemGroup implements GroupListener, SystemRunner {
  readonly #catalog: Catalog;
  readonly #events: SystemGroupEvents;
  readonly #queue = new BoundedQueue<Waiting>(queueMax);
  #busy = false;
  /** The local catalog is older than the applied rows: nothing may be decided on it. */
  reloading = false;

  constructor(catalog: Catalog, events: SystemGroupEvents) {
    this.#catalog = catalog;
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

  #next(group: Group): void {
    while (!this.#busy) {
      const waiting = this.#queue.shift();
      if (waiting === undefined) {
        return;
      }
      try {
        this.#decide(group, waiting);
      } catch (error) {
        const failure = isDynakvError(error)
          ? error
          : new DynakvError('Refused', `Cannot run it: ${messageOf(error)}`, {}, error);
        waiting.done(failure, undefined);
      }
    }
  }

  #decide(group: Group, { command, done }: Waiting): void {
    const term = group.openTerm;
    if (term === 0) {
      done(notLeader(group), undefined);
      return;
    }
    const { writes, reply } = decideSystem(this.#catalog, command);
    if (writes.length === 0) {
      group.readBarrier((confirmed) => {
        if (confirmed && group.openTerm === term) {
          done(undefined, { kind: 'system', body: reply });
        } else {
          done(notLeader(group), undefined);
        }
      });
      return;
    }
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
