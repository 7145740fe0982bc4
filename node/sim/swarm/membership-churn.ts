/**
 * Members come and go while a seed runs: draws stories (`node-stories.ts`, `plan-stories.ts`), a
 * few beside each other, under clients and faults.
 *
 * `finish` ends what was begun and undoes what holds movement up, as an operator would, so that the
 * plan can come to rest (`placement-checks.ts`).
 */
import type { NodeRecord } from '../../manager/catalog-records.ts';
import type { NodeId } from '../../sys/network.ts';
import type { ChurnKind } from './churn-options.ts';
import { NodeStories } from './node-stories.ts';
import { PlanStories } from './plan-stories.ts';
import { StoryTeller } from './story-teller.ts';
import type { ChurnParts } from './story-teller.ts';

/** Stories under way at a time: more would only refuse each other. */
const storiesMax = 4;
/** Between attempts at what must be done in the end, ms. */
const insistMs = 500;
const restMaxMs = 60_000;

export class MembershipChurn {
  readonly #parts: ChurnParts;
  readonly #teller: StoryTeller;
  readonly #nodes: NodeStories;
  readonly #plan: PlanStories;
  #underWay = 0;
  /** What ended a story before its time: a bug. */
  broken: unknown;
  /** Nothing is left to do for the operator. */
  isFinished = false;
  /** Stories begun, by kind. */
  readonly counts = new Map<ChurnKind, number>();

  constructor(parts: ChurnParts) {
    this.#parts = parts;
    this.#teller = new StoryTeller(parts);
    this.#nodes = new NodeStories(this.#teller);
    this.#plan = new PlanStories(this.#teller);
    const { cluster, injector } = parts;
    cluster.onRemoved = (nodeId) => {
      cluster.scheduler.after(0, () => {
        injector.retire(nodeId);
      });
    };
  }

  isRemoved(nodeId: NodeId): boolean {
    return this.#parts.desk.isRemoved(nodeId);
  }

  start(): void {
    this.#teller.running = true;
    this.#run(async () => {
      await this.#plan.set({ deadNodeGraceMs: this.#parts.churn.graceMs });
      await this.#tellStories();
    });
  }

  #run(story: () => Promise<void>): void {
    this.#underWay += 1;
    story()
      .catch((error: unknown) => {
        this.broken ??= error;
      })
      .finally(() => {
        this.#underWay -= 1;
      });
  }

  async #tellStories(): Promise<void> {
    const { random, desk } = this.#teller;
    const { churn } = this.#parts;
    while (this.#teller.running) {
      await desk.pause(random.below(2 * churn.gapMs));
      // This loop is one of them.
      if (this.#teller.running && this.#underWay <= storiesMax) {
        const kind = random.pick(churn.kinds);
        this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
        this.#run(() => this.#tell(kind));
      }
    }
  }

  async #tell(kind: ChurnKind): Promise<void> {
    const [nodes, plan] = [this.#nodes, this.#plan];
    const stories: Readonly<Record<ChurnKind, () => Promise<void>>> = {
      join: () => nodes.join({}),
      drain: () => nodes.drain(),
      cancelDrain: () => nodes.cancelDrain(),
      gone: () => nodes.gone(),
      replace: () => nodes.replace(),
      move: () => plan.move(),
      transfer: () => plan.transfer(),
      pausePlan: () => plan.holdPlan('pausePlan'),
      cancelPlan: () => plan.holdPlan('cancelPlan'),
      settings: () => plan.changeSettings(),
      factor: () => plan.changeFactor(),
      evict: () => nodes.evict(),
      maintenance: () => nodes.maintain(),
      killManager: () => nodes.killManager(),
    };
    await stories[kind]();
  }

  /** No story begins any more, those under way end, and movement is left to the cluster alone. */
  finish(): void {
    this.#teller.running = false;
    this.#run(async () => {
      const { desk } = this.#teller;
      await desk.until(() => this.#underWay === 1, restMaxMs);
      await this.#insist(async () => {
        await this.#nodes.joinPending();
        return !this.#nodes.isJoining;
      });
      await this.#insist(() => this.#plan.set({ rebalanceMode: 'Auto' }));
      for (const { nodeId } of this.#members) {
        await this.#release(nodeId);
      }
      await this.#insist(async () => {
        const isHeld = desk.catalog?.plan.paused ?? true;
        return !isHeld || (await this.#teller.change({ op: 'startPlan' }, 'start'));
      });
      this.isFinished = true;
    });
  }

  get #members(): readonly NodeRecord[] {
    return this.#teller.desk.catalog?.members ?? [];
  }

  /** Nothing that was asked of the node holds it back any more. */
  async #release(nodeId: NodeId): Promise<void> {
    const { desk } = this.#teller;
    const record = (): NodeRecord | undefined => desk.catalog?.nodes.get(nodeId);
    await this.#insist(async () => {
      const node = record();
      if (node?.evictingLeaders === true) {
        return await this.#teller.change({ op: 'evictLeaders', nodeId, evict: false }, 'return');
      }
      return node !== undefined;
    });
    await this.#insist(async () => {
      const node = record();
      if (node?.maintenanceUntilMs !== undefined) {
        const end = { op: 'maintenance', nodeId, durationMs: 0 } as const;
        return await this.#teller.change(end, 'maintenance ends');
      }
      return node !== undefined;
    });
    await this.#insist(async () => {
      if (record()?.state === 'joining') {
        // One whose store is gone never will be ready.
        await (this.#parts.injector.stores.lost.has(nodeId)
          ? this.#nodes.remove(nodeId)
          : this.#nodes.takeIn(nodeId));
      }
      return record()?.state !== 'joining';
    });
  }

  /** Until it is so: the run's own bound ends it if it never is. */
  async #insist(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) {
      await this.#teller.desk.pause(insistMs);
    }
  }
}
