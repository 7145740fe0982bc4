/**
 * The steps of a move by hand, as the manager takes them: for scenarios about one step of it,
 * without a manager that would mend everything meanwhile.
 */
import { assert, must } from '../lib/assert.ts';
import { isDynakvError } from '../lib/errors.ts';
import type { GroupFacts } from '../host/group-commands.ts';
import { ConfChangeType } from '../raft/conf-change.ts';
import type { ConfChangeSingle } from '../raft/conf-change.ts';
import type { AnyCommand, AnyReply } from '../router/command-codec.ts';
import type { NodeId } from '../sys/network.ts';
import type { SimCluster } from './cluster.ts';
import { core } from './testing-scenarios.ts';

const { addLearner, addVoter, remove } = ConfChangeType;
/** Attempts at a change whose moment has not come. */
const attemptsMax = 200;
/** Refusals that pass by themselves. */
const passing: ReadonlySet<unknown> = new Set([
  'LearnerBehind',
  'ConfigurationJoint',
  'QuorumAtRisk',
]);

/** The hands of a manager at one node. */
export class ManagerHands {
  readonly cluster: SimCluster;
  through: NodeId;

  constructor(cluster: SimCluster, through: NodeId) {
    this.cluster = cluster;
    this.through = through;
  }

  get #deadlineMs(): number {
    return core(this.cluster, this.through).parts.clock.monotonicMs() + 10_000;
  }

  async call(groupId: number, command: AnyCommand): Promise<AnyReply> {
    const { router } = core(this.cluster, this.through);
    return await this.cluster.settle(router.call(groupId, command, this.#deadlineMs));
  }

  async describe(groupId: number): Promise<GroupFacts> {
    const reply = await this.call(groupId, { kind: 'describe', confirmed: true });
    return (reply as { readonly facts: GroupFacts }).facts;
  }

  /** Changes what is there now; repeated while a learner is behind, as the manager does. */
  async configure(groupId: number, changes: readonly ConfChangeSingle[]): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const { configurationIndex: expectedIndex } = await this.describe(groupId);
      try {
        await this.call(groupId, { kind: 'configure', expectedIndex, changes });
        return;
      } catch (error) {
        const reason = isDynakvError(error) ? error.facts['reason'] : undefined;
        const isSoon = passing.has(reason) || isDynakvError(error, 'OutcomeUnknown');
        if (attempt > attemptsMax || !isSoon) {
          throw error;
        }
        await this.cluster.scheduler.runFor(100);
      }
    }
  }

  async give(groupId: number, nodeId: NodeId): Promise<number> {
    const { catalog, router } = core(this.cluster, this.through);
    const expectedRevision = must(catalog.groups.get(groupId)).revision;
    const command = { op: 'giveReplica', groupId, nodeId, expectedRevision };
    const reply = await this.cluster.settle(router.system(command, this.#deadlineMs));
    return (reply as { readonly replicaId: number }).replicaId;
  }

  async forget(groupId: number, replicaId: number): Promise<void> {
    const { router } = core(this.cluster, this.through);
    const command = { op: 'forgetReplica', groupId, replicaId };
    await this.cluster.settle(router.system(command, this.#deadlineMs));
  }

  /** The replica's id on a node, by the catalog of `through`. */
  replicaOn(groupId: number, nodeId: NodeId): number {
    const group = core(this.cluster, this.through).catalog.groups.get(groupId);
    return must(group?.replicas.find((replica) => replica.nodeId === nodeId)).replicaId;
  }

  /** Brings the node that joined into the system group, and waits until it has the catalog. */
  async welcome(nodeId: NodeId): Promise<void> {
    await this.configure(0, [{ type: addLearner, id: this.replicaOn(0, nodeId) }]);
    const loaded = (): boolean => this.cluster.core(nodeId)?.catalog.isLoaded === true;
    assert(await this.cluster.scheduler.runUntil(loaded, 20_000), 'It gets the catalog');
  }

  /** Hands the leadership over as often as it comes back meanwhile, then swaps. */
  async #swap(groupId: number, added: number, leaving: number): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const { replicaId, confState } = await this.describe(groupId);
      if (replicaId === leaving) {
        const other = must(confState.voters.find((id) => id !== leaving));
        await this.call(groupId, { kind: 'transfer', to: other });
      }
      try {
        await this.configure(groupId, [
          { type: addVoter, id: added },
          { type: remove, id: leaving },
        ]);
        return;
      } catch (error) {
        const isBack = isDynakvError(error) && error.facts['reason'] === 'LeaderLeaves';
        if (!isBack || attempt > attemptsMax) {
          throw error;
        }
      }
    }
  }

  /** Moves a replica: add, copy, swap, confirm, forget. */
  async move(groupId: number, from: NodeId, to: NodeId): Promise<void> {
    const added = await this.give(groupId, to);
    const leaving = this.replicaOn(groupId, from);
    await this.configure(groupId, [{ type: addLearner, id: added }]);
    await this.#swap(groupId, added, leaving);
    const settled = async (): Promise<GroupFacts> => {
      const facts = await this.describe(groupId);
      if (facts.confState.votersOutgoing.length === 0) {
        return facts;
      }
      await this.cluster.scheduler.runFor(50);
      return await settled();
    };
    const { voters } = (await settled()).confState;
    assert(voters.includes(added) && !voters.includes(leaving), 'The swap is done');
    await this.forget(groupId, leaving);
  }
}
