/**
 * The operator of a simulated cluster: asks for changes through any node that runs, again while
 * nobody can answer, as a person with the command line would. Runs within the simulation, beside
 * clients and faults.
 *
 * Invariant: what was answered is known as done or refused by name; an error that is neither, nor
 * one of availability, is a bug and is thrown.
 */
import { isDynakvError } from '../../lib/errors.ts';
import type { Prng } from '../../lib/prng.ts';
import type { AdminRequest, ChangeCommand } from '../../manager/admin-requests.ts';
import type { NodeState } from '../../manager/catalog-records.ts';
import type { Catalog } from '../../manager/catalog.ts';
import type { NodeCore } from '../../manager/node-core.ts';
import type { SystemCommand } from '../../manager/system-commands.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';

/** For one attempt: failovers take a while. */
const callMs = 4_000;
/** Behind its own deadline an answer is waited for so much longer. */
const lateMs = 1_000;
const attemptsMax = 6;
const pauseMs = 400;
const pollMs = 100;

type WithoutOp<T> = T extends unknown ? Omit<T, 'op'> : never;
type Unfenced<T> = T extends unknown ? Omit<T, 'fence'> : never;
export type Wish = WithoutOp<Unfenced<AdminRequest>>;
export type Change = Unfenced<ChangeCommand>;
type Asked = SystemCommand | AdminRequest;

export type Answer =
  | { readonly kind: 'done'; readonly reply: unknown }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Whether it was done is not known. */
  | { readonly kind: 'unanswered' };

const unanswered: Answer = { kind: 'unanswered' };

export class OperatorDesk {
  readonly #cluster: SimCluster;
  readonly #random: Prng;

  constructor(cluster: SimCluster, random: Prng) {
    this.#cluster = cluster;
    this.#random = random;
  }

  /** Nodes that run and know the catalog, in order. */
  get informed(): NodeCore[] {
    return this.#cluster.nodeIds
      .map((nodeId) => this.#cluster.core(nodeId))
      .filter((core) => core !== undefined)
      .filter((core) => core.catalog.isLoaded);
  }

  /** The node that manages, if one does. */
  get manager(): NodeCore | undefined {
    const managing = this.informed.filter((core) => core.manager.term > 0);
    return managing.sort((a, b) => b.manager.term - a.manager.term)[0];
  }

  /** The catalog as whoever manages has it, or any node. */
  get catalog(): Catalog | undefined {
    return (this.manager ?? this.informed[0])?.catalog;
  }

  stateOf(nodeId: NodeId): NodeState | undefined {
    return this.catalog?.nodes.get(nodeId)?.state;
  }

  nodesIn(...states: readonly NodeState[]): NodeId[] {
    return [...(this.catalog?.nodes.values() ?? [])]
      .filter(({ state }) => states.includes(state))
      .map(({ nodeId }) => nodeId);
  }

  /** A node's own word on its removal cannot be undone: one that says so is enough. */
  isRemoved(nodeId: NodeId): boolean {
    return this.informed.some(({ catalog }) => catalog.nodes.get(nodeId)?.state === 'removed');
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#cluster.scheduler.after(ms, () => {
        resolve();
      });
    });
  }

  /** Looks now and then, for so long at most. */
  async until(holds: () => boolean, limitMs: number): Promise<boolean> {
    const untilMs = this.#cluster.scheduler.nowMs + limitMs;
    while (!holds()) {
      if (this.#cluster.scheduler.nowMs >= untilMs) {
        return false;
      }
      await this.pause(pollMs);
    }
    return true;
  }

  /** A change, as of the revision that the node asked knows. */
  async change(command: Change): Promise<Answer> {
    return await this.#insist((core) => {
      const fence = { controlEpoch: 0, expectedRevision: revisionOf(core.catalog, command) };
      return { op: 'admin', verb: 'change', command: { ...command, fence } as ChangeCommand };
    });
  }

  /** What moves by hand, as of the plan's revision. */
  async ask(wish: Wish): Promise<Answer> {
    return await this.#insist(({ catalog }) => {
      const fence = { controlEpoch: 0, expectedRevision: catalog.plan.revision };
      return { op: 'admin', ...wish, fence } as AdminRequest;
    });
  }

  async tell(command: SystemCommand): Promise<Answer> {
    return await this.#insist(() => command);
  }

  async #insist(commandFor: (core: NodeCore) => Asked): Promise<Answer> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const up = this.informed;
      if (up.length > 0) {
        const core = this.#random.pick(up);
        const answer = await this.#once(core, commandFor(core));
        if (answer.kind !== 'unanswered') {
          return answer;
        }
      }
      await this.pause(pauseMs);
    }
    return unanswered;
  }

  /** A node that dies, or is paused, never answers. */
  async #once({ router, host }: NodeCore, command: Asked): Promise<Answer> {
    const deadlineMs = this.#cluster.scheduler.nowMs + callMs;
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#cluster.time(host.nodeId).after(0, () => {
        router.system(command, deadlineMs).then(
          (reply) => {
            resolve({ kind: 'done', reply });
          },
          (error: unknown) => {
            if (!isDynakvError(error)) {
              reject(error);
            } else if (error.code === 'Refused') {
              resolve({ kind: 'refused', reason: String(error.facts['reason'] ?? error.message) });
            } else {
              resolve(unanswered);
            }
          },
        );
      });
    });
    const late = this.pause(callMs + lateMs).then((): Answer => unanswered);
    const heard = await Promise.race([answer, late]);
    // The operator acts after the node's step, not within it: that step's checks come first.
    await this.pause(0);
    return heard;
  }
}

function revisionOf(catalog: Catalog, command: Change): number {
  if ('nodeId' in command) {
    return catalog.nodes.get(command.nodeId)?.revision ?? 0;
  }
  return command.op === 'updateSettings' ? catalog.settings.revision : catalog.plan.revision;
}
