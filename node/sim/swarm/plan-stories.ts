/**
 * Stories about movement that an operator lives through while a seed runs: a copy or a leadership
 * moved by hand, a plan paused or called off and started again, other settings.
 */
import type { SettingsRecord } from '../../manager/plan-records.ts';
import { systemGroupId } from '../../shards/groups.ts';
import type { NodeId } from '../../sys/network.ts';
import type { StoryTeller } from './story-teller.ts';

const pausedMaxMs = 5_000;
const graceMoreMaxMs = 4_000;

export class PlanStories {
  readonly #teller: StoryTeller;

  constructor(teller: StoryTeller) {
    this.#teller = teller;
  }

  async move(): Promise<void> {
    const shard = this.#pickShard();
    const from = shard === undefined ? undefined : this.#teller.random.pick(shard.nodeIds);
    const others = this.#teller.desk
      .nodesIn('active')
      .filter((nodeId) => shard?.nodeIds.includes(nodeId) === false);
    if (shard !== undefined && from !== undefined && others.length > 0) {
      const to = this.#teller.random.pick(others);
      const { groupId } = shard;
      const answer = await this.#teller.desk.ask({ verb: 'moveReplica', groupId, from, to });
      this.#teller.note(0, 'operator', `move group ${groupId} from ${from} to ${to}`, answer);
    }
  }

  async transfer(): Promise<void> {
    const shard = this.#pickShard();
    if (shard !== undefined) {
      const { groupId } = shard;
      const to = this.#teller.random.pick(shard.nodeIds);
      const answer = await this.#teller.desk.ask({ verb: 'transferLeader', groupId, to });
      this.#teller.note(0, 'operator', `lead group ${groupId} from ${to}`, answer);
    }
  }

  #pickShard(): { readonly groupId: number; readonly nodeIds: readonly NodeId[] } | undefined {
    const groups = [...(this.#teller.desk.catalog?.groups.values() ?? [])].filter(
      ({ groupId, replicas }) => groupId !== systemGroupId && replicas.length > 0,
    );
    if (groups.length === 0) {
      return undefined;
    }
    const { groupId, replicas } = this.#teller.random.pick(groups);
    return { groupId, nodeIds: replicas.map(({ nodeId }) => nodeId) };
  }

  async holdPlan(kind: 'pausePlan' | 'cancelPlan'): Promise<void> {
    await this.#teller.change({ op: kind }, kind === 'pausePlan' ? 'pause' : 'call off');
    await this.#teller.desk.pause(this.#teller.random.below(pausedMaxMs));
    await this.#teller.change({ op: 'startPlan' }, 'start');
  }

  async set(
    settings: Partial<Omit<SettingsRecord, 'revision'>>,
    replicationFactor?: number,
  ): Promise<boolean> {
    const command = {
      op: 'updateSettings',
      ...{ settings, replicationFactor },
      allowLowerReplication: true,
    } as const;
    return await this.#teller.change(
      command,
      `set ${JSON.stringify({ ...settings, replicationFactor })}`,
    );
  }

  async changeSettings(): Promise<void> {
    await this.set(
      this.#teller.random.pick([
        { rebalanceMode: 'Auto' },
        { rebalanceMode: 'Manual' },
        { rebalanceMode: 'Paused' },
        { concurrentMovesMax: 1 + this.#teller.random.below(6) },
        { snapshotBytesPerSecond: 64 * 1024 },
        {
          deadNodeGraceMs:
            this.#teller.parts.churn.graceMs + this.#teller.random.below(graceMoreMaxMs),
        },
      ]),
    );
  }

  async changeFactor(): Promise<void> {
    const factor = this.#teller.desk.catalog?.cluster.replicationFactor ?? 3;
    await this.set({}, factor === 5 ? 3 : 5);
  }
}
