/**
 * Stories about nodes that an operator lives through while a seed runs: machines join, are drained,
 * removed, lost for longer than the grace period, replaced, and come back; the node that manages
 * dies in the middle of moves. When and which: `membership-churn.ts`.
 *
 * Invariant: a node leaves for good only once the cluster has removed it.
 */
import type { Prng } from '../../lib/prng.ts';
import type { JoinReply } from '../../manager/node-commands.ts';
import type { NodeId } from '../../sys/network.ts';
import type { JoinCommand } from '../cluster.ts';
import type { OperatorDesk } from './operator-desk.ts';
import { owner } from './story-teller.ts';
import type { StoryTeller } from './story-teller.ts';

/** Chances of turns in a story. */
const removeChance = 0.8;
const oldDiskChance = 0.6;
const removeDeadChance = 0.4;
const hastyChance = 0.3;
/** Times in stories, ms. */
const cancelAfterMaxMs = 5_000;
const awayMaxMs = 6_000;
const oldDiskRunsMs = 3_000;
const triesEachMs = 2_000;
const bootMaxMs = 60_000;
const drainTriesMax = 5;
const movesSoonMs = 4_000;
const midMoveMaxMs = 400;
const managerDownMaxMs = 2_500;

export class NodeStories {
  readonly #teller: StoryTeller;
  /** Machines that were let in. */
  #joins = 0;
  /** What the machine that is about to join says beside its own; undefined: none is. */
  #joining: Partial<JoinCommand> | undefined;
  #isBusy = false;
  /** The node that is away for longer, or was last. */
  #gone: NodeId | undefined;
  /** Old disks that run now. */
  readonly #oldDisks = new Set<NodeId>();

  constructor(teller: StoryTeller) {
    this.#teller = teller;
  }

  /** A machine asked to join and does not know yet whether it may. */
  get isJoining(): boolean {
    return this.#joining !== undefined;
  }

  get #desk(): OperatorDesk {
    return this.#teller.desk;
  }

  get #random(): Prng {
    return this.#teller.random;
  }

  /** `place`: of a machine that is lost. One machine joins at a time. */
  async join(place: Partial<JoinCommand>): Promise<void> {
    if (this.#isBusy || this.#joins >= this.#teller.parts.churn.joinsMax) {
      return;
    }
    this.#isBusy = true;
    this.#joining ??= place;
    let nodeId = await this.#letIn();
    while (nodeId === undefined && this.isJoining && this.#teller.running) {
      await this.#desk.pause(triesEachMs);
      nodeId = await this.#letIn();
    }
    this.#isBusy = false;
    const isPatient = !this.#random.chance(hastyChance);
    while (nodeId !== undefined && this.#teller.running && this.#isOutside(nodeId)) {
      await this.takeIn(nodeId, isPatient);
    }
  }

  #isOutside(nodeId: NodeId): boolean {
    return this.#desk.stateOf(nodeId) === 'joining';
  }

  /** A machine that asked and was not answered may be a member by now: it asks again. */
  async joinPending(): Promise<void> {
    if (this.isJoining && (await this.#letIn()) === undefined) {
      await this.#desk.pause(triesEachMs);
    }
  }

  /** A machine asks to join, until it is let in, or refused for good. */
  async #letIn(): Promise<NodeId | undefined> {
    const { cluster, injector } = this.#teller.parts;
    const command = { ...cluster.joinCommand(), ...this.#joining };
    const answer = await this.#desk.tell(command);
    this.#teller.note(0, 'join', command.address, answer);
    const { manager } = this.#desk;
    // The node whose place it takes was heard a moment ago.
    const isSoon = answer.kind === 'refused' && answer.reason === 'AddressInUse';
    if (answer.kind === 'refused' && !(isSoon && this.#teller.running)) {
      this.#joining = undefined;
    }
    if (answer.kind !== 'done' || manager === undefined) {
      return undefined;
    }
    this.#joining = undefined;
    this.#joins += 1;
    const nodeId = cluster.letIn(command, answer.reply as JoinReply, manager);
    this.#teller.note(nodeId, 'joined', command.storeId);
    injector.bring(nodeId);
    await this.#desk.until(() => cluster.core(nodeId) !== undefined, bootMaxMs);
    injector.welcome(nodeId);
    return nodeId;
  }

  /** Makes a node active that is up and knows the cluster; whoever is hasty does not look. */
  async takeIn(nodeId: NodeId, isPatient = true): Promise<void> {
    const { cluster } = this.#teller.parts;
    const { manager } = this.#desk;
    if (isPatient && cluster.core(nodeId)?.catalog.isLoaded !== true) {
      if (manager !== undefined) {
        cluster.guideAnew(nodeId, manager);
      }
    } else {
      await this.#teller.change({ op: 'setNodeState', nodeId, state: 'active', owner }, 'activate');
    }
    await this.#desk.pause(triesEachMs);
  }

  /** Where no node can be spared, a new one joins first; what is missing now may be back soon. */
  async #beginDrain(): Promise<NodeId | undefined> {
    const copies = this.#desk.catalog?.cluster.effectiveFactor ?? 0;
    if (this.#desk.nodesIn('active').length <= copies) {
      await this.join({});
    }
    const nodeId = this.#teller.pickActive();
    for (let tries = 0; nodeId !== undefined && tries < drainTriesMax; tries++) {
      const command = { op: 'setNodeState', nodeId, state: 'draining', owner } as const;
      if (await this.#teller.change(command, 'drain')) {
        return nodeId;
      }
      await this.#desk.pause(triesEachMs);
      if (!this.#teller.running) {
        return undefined;
      }
    }
    return undefined;
  }

  async drain(): Promise<void> {
    const nodeId = await this.#beginDrain();
    if (nodeId === undefined) {
      return;
    }
    const isDrained = await this.#teller.until(() => this.#desk.stateOf(nodeId) === 'drained');
    if (isDrained) {
      this.#teller.note(nodeId, 'drained', '');
    }
    if (isDrained && this.#random.chance(removeChance)) {
      await this.remove(nodeId);
    }
  }

  async cancelDrain(): Promise<void> {
    const nodeId = await this.#beginDrain();
    if (nodeId !== undefined) {
      await this.#desk.pause(this.#random.below(cancelAfterMaxMs));
      await this.#teller.change(
        { op: 'setNodeState', nodeId, state: 'active', owner },
        'cancel drain',
      );
    }
  }

  /** The node's process ends; its disk may come back, to be refused. */
  async remove(nodeId: NodeId): Promise<boolean> {
    const { injector } = this.#teller.parts;
    if (!(await this.#teller.change({ op: 'removeNode', nodeId }, 'remove'))) {
      return false;
    }
    await this.#desk.pause(this.#random.below(triesEachMs));
    injector.retire(nodeId);
    if (this.#teller.running && this.#random.chance(oldDiskChance)) {
      await this.#desk.pause(this.#random.below(triesEachMs));
      await this.comeBack(nodeId);
    }
    return true;
  }

  /** The old disk of a node that was removed runs for a while, and serves nothing. */
  async comeBack(nodeId: NodeId): Promise<void> {
    const { cluster, injector } = this.#teller.parts;
    if (this.#oldDisks.has(nodeId)) {
      return; // Two asked for the removal, and were told that it is done.
    }
    if (injector.stores.lost.size > 0) {
      return; // Two disks that have forgotten may be a majority of a configuration of long ago.
    }
    this.#oldDisks.add(nodeId);
    this.#teller.note(nodeId, 'old disk', 'of a node that was removed');
    cluster.bootSoon(nodeId, () => undefined);
    await this.#desk.pause(oldDiskRunsMs);
    cluster.crash(nodeId, false);
    this.#oldDisks.delete(nodeId);
  }

  /** Down for longer than the grace period: it is dead, and replaced if there is another node. */
  async gone(): Promise<void> {
    const { injector, churn } = this.#teller.parts;
    const nodeId = this.#teller.pickActive();
    const downMs = churn.graceMs + triesEachMs + this.#random.below(2 * churn.graceMs);
    const isFree = nodeId !== undefined && !this.#isAnyGone();
    if (!isFree || !injector.takeDown(nodeId, this.#random.chance(0.5), downMs)) {
      return;
    }
    this.#gone = nodeId;
    this.#teller.note(nodeId, 'gone', `for ${downMs} ms`);
    if (this.#random.chance(removeDeadChance)) {
      await this.#removeDead(nodeId);
    }
  }

  /** One at a time: a cluster that is short of more can do nothing but wait. */
  #isAnyGone(): boolean {
    const { cluster, injector } = this.#teller.parts;
    const gone = this.#gone;
    return gone !== undefined && cluster.core(gone) === undefined && !injector.retired.has(gone);
  }

  /** A dead node is removed as soon as that is allowed, unless it is back by then. */
  async #removeDead(nodeId: NodeId): Promise<void> {
    const { cluster } = this.#teller.parts;
    const isBack = (): boolean => cluster.core(nodeId) !== undefined;
    await this.#teller.until(() => isBack() || this.#desk.stateOf(nodeId) === 'dead');
    while (this.#teller.running && !isBack() && !(await this.remove(nodeId))) {
      await this.#desk.pause(triesEachMs);
    }
  }

  /** The machine is lost with its disk, a loss to be borne; another one takes its address. */
  async replace(): Promise<void> {
    const { injector, options } = this.#teller.parts;
    const nodeId = this.#teller.pickActive();
    const record = nodeId === undefined ? undefined : this.#desk.catalog?.nodes.get(nodeId);
    if (
      nodeId === undefined ||
      record === undefined ||
      record.address === '' ||
      this.#isAnyGone() ||
      !injector.stores.maySpare(nodeId) ||
      !injector.takeDown(nodeId, true, options.chaosMs)
    ) {
      return;
    }
    this.#gone = nodeId;
    injector.stores.give(nodeId);
    this.#teller.note(nodeId, 'gone', 'with its disk');
    await this.#desk.pause(this.#random.below(triesEachMs));
    const { address, clientAddress, opsAddress, zone } = record;
    await this.join({ address, clientAddress, opsAddress, zone });
    await this.#removeDead(nodeId);
  }

  async evict(): Promise<void> {
    const nodeId = this.#teller.pickActive();
    if (nodeId !== undefined) {
      await this.#teller.change({ op: 'evictLeaders', nodeId, evict: true }, 'evict leaders');
      await this.#desk.pause(this.#random.below(awayMaxMs));
      await this.#teller.change({ op: 'evictLeaders', nodeId, evict: false }, 'leaders may return');
    }
  }

  async maintain(): Promise<void> {
    const { injector } = this.#teller.parts;
    const nodeId = this.#teller.pickActive();
    if (nodeId === undefined) {
      return;
    }
    const durationMs = 1_000 + this.#random.below(awayMaxMs);
    const isSet = await this.#teller.change(
      { op: 'maintenance', nodeId, durationMs },
      'maintenance',
    );
    if (isSet && injector.takeDown(nodeId, false, this.#random.below(durationMs))) {
      this.#teller.note(nodeId, 'gone', 'for maintenance');
    }
  }

  async killManager(): Promise<void> {
    const { injector } = this.#teller.parts;
    await this.#teller.until(() => (this.#desk.catalog?.moves.size ?? 0) > 0, movesSoonMs);
    await this.#desk.pause(this.#random.below(midMoveMaxMs));
    const nodeId = this.#desk.manager?.host.nodeId;
    const downMs = 1 + this.#random.below(managerDownMaxMs);
    if (nodeId !== undefined && injector.takeDown(nodeId, this.#random.chance(0.5), downMs)) {
      const moves = this.#desk.catalog?.moves.size ?? 0;
      this.#teller.note(nodeId, 'gone', `it managed, ${moves} moves are planned`);
    }
  }
}
