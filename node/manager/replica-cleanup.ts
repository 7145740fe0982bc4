/**
 * Takes back replica ids that nothing stands for: given out for a move that was called off, or left
 * behind by one. Runs on the system group's leader, one group at a time, whatever the plan's state.
 *
 * An id that is in no configuration may still be on its way into one: a delayed change of an
 * earlier manager could add it. So first an empty change moves the configuration's index on, which
 * shuts out every change decided before (protocols.md P16); only then is the id declared gone.
 */
import { messageOf } from '../lib/errors.ts';
import { ConfChangeType } from '../raft/conf-change.ts';
import type { Router } from '../router/router.ts';
import { systemGroupId } from '../shards/groups.ts';
import type { Clock } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { Catalog } from './catalog.ts';
import type { GroupRecord } from './catalog-records.ts';
import type { Observation } from './observation.ts';

const stepMs = 5_000;

export interface ReplicaCleanupParts {
  readonly catalog: Catalog;
  readonly router: Router;
  readonly observation: Observation;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ReplicaCleanup {
  readonly #parts: ReplicaCleanupParts;
  /** Group being looked after; no move may begin there. */
  #busyGroup: number | undefined;
  /** Ids taken back since the start. */
  takenBack = 0;

  constructor(parts: ReplicaCleanupParts) {
    this.#parts = parts;
  }

  get busyGroup(): number | undefined {
    return this.#busyGroup;
  }

  /** Looks for one id and takes it back; resolves when that is done, or there is none. */
  async look(term: number): Promise<void> {
    if (this.#busyGroup !== undefined) {
      return;
    }
    const found = this.#find();
    if (found === undefined) {
      return;
    }
    this.#busyGroup = found.record.groupId;
    try {
      await this.#takeBack(found.record, found.replicaId, term);
    } catch (error) {
      this.#parts.logger.debug('Cleanup waits', {
        group: found.record.groupId,
        error: messageOf(error),
      });
    } finally {
      this.#busyGroup = undefined;
    }
  }

  /** An id that its group's leader, when it last told, did not know, and that no move needs. */
  #find(): { readonly record: GroupRecord; readonly replicaId: number } | undefined {
    const { catalog, observation, clock } = this.#parts;
    const moving = new Set([...catalog.moves.values()].map((move) => move.groupId));
    for (const record of catalog.groups.values()) {
      const { groupId } = record;
      const facts = observation.ledBy(groupId, clock.monotonicMs())?.facts;
      if (facts === undefined || moving.has(groupId)) {
        continue;
      }
      const { voters, votersOutgoing, learners } = facts.confState;
      const members = new Set([...voters, ...votersOutgoing, ...learners]);
      const lost = record.replicas.find(
        ({ replicaId, nodeId }) =>
          !members.has(replicaId) &&
          // A node that joins has its id before it is a learner.
          (groupId !== systemGroupId || catalog.nodes.get(nodeId)?.state === 'removed'),
      );
      if (lost !== undefined) {
        return { record, replicaId: lost.replicaId };
      }
    }
    return undefined;
  }

  async #takeBack({ groupId }: GroupRecord, replicaId: number, term: number): Promise<void> {
    const { router, clock, logger } = this.#parts;
    const described = await router.call(
      groupId,
      { kind: 'describe', confirmed: true },
      clock.monotonicMs() + stepMs,
    );
    if (described.kind !== 'described') {
      return;
    }
    const { facts } = described;
    const { voters, votersOutgoing, learners } = facts.confState;
    if ([voters, votersOutgoing, learners].some((ids) => ids.includes(replicaId))) {
      return; // A member after all: the planner says what becomes of it.
    }
    if (votersOutgoing.length > 0) {
      return;
    }
    const shut = { type: ConfChangeType.update, id: facts.replicaId };
    const { configurationIndex: expectedIndex } = facts;
    await router.call(
      groupId,
      { kind: 'configure', expectedIndex, changes: [shut] },
      clock.monotonicMs() + stepMs,
    );
    const command = { op: 'forgetReplica', groupId, replicaId, asTerm: term };
    await router.system(command, clock.monotonicMs() + stepMs);
    this.takenBack += 1;
    logger.info('Replica id taken back', { group: groupId, replica: replicaId });
  }
}
