/**
 * How an empty node becomes a member: it is promised to a cluster (`Reserve`), then made one of its
 * first members (`Bootstrap`) or one that joins. One at a time; the same wish again is the same
 * answer, another is refused by name.
 */
import type { NodeIdentity } from '../admin/node-control.ts';
import type { NodeOptions } from '../config/options.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { BootstrapPlan } from '../manager/bootstrap.ts';
import type { JoinSeed } from '../manager/join-seed.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type { DataFolder } from '../storage/data-folder.ts';
import { bearJoiner, bearNode, reserveNode, writeJoinNote } from './node-store.ts';
import type { NodeWorld } from './node-world.ts';

export interface NodeBirthParts {
  readonly world: NodeWorld;
  readonly options: NodeOptions;
  /** Settles when it is known whether the node is a member. */
  readonly started: Promise<void>;
  folder(): DataFolder | undefined;
  core(): NodeCore | undefined;
  /** Opens the stores and serves. */
  serve(): Promise<void>;
  /** The process cannot go on: it ends, and the next start looks again. */
  failed(): void;
}

export class NodeBirth {
  readonly #parts: NodeBirthParts;
  #underWay: { readonly wanted: string; readonly done: Promise<boolean> } | undefined;
  #reserving: Promise<unknown> = Promise.resolve();

  constructor(parts: NodeBirthParts) {
    this.#parts = parts;
  }

  /** What is under way has ended. */
  async settled(): Promise<void> {
    await this.#underWay?.done.catch(() => false);
  }

  async #folder(): Promise<DataFolder> {
    await this.#parts.started;
    const folder = this.#parts.folder();
    if (folder === undefined) {
      throw starting();
    }
    if (folder.removal !== undefined) {
      const message = 'This node was removed from its cluster: start with an empty data folder';
      throw new DynakvError('Refused', message, { reason: 'Removed' });
    }
    return folder;
  }

  /** Promises the empty disk; a member answers for its own cluster. */
  async reserve(promise: {
    readonly clusterId: string;
    readonly nodeId: number;
  }): Promise<{ readonly storeId: string }> {
    const folder = await this.#folder();
    const { clusterId, nodeId } = promise;
    const known = folder.identity;
    if (known !== undefined) {
      if (known.clusterId !== clusterId || (nodeId !== 0 && known.nodeId !== nodeId)) {
        throw alreadyMember(known);
      }
      return { storeId: known.storeId };
    }
    const before = this.#reserving;
    const reservation = before.then(() => reserveNode(this.#parts.world, folder, promise));
    this.#reserving = reservation.catch(() => undefined);
    const { storeId } = await reservation;
    return { storeId };
  }

  /** True if the node became a member by this call. */
  async bootstrap(plan: BootstrapPlan, nodeId: number): Promise<boolean> {
    const folder = await this.#folder();
    return await this.#once(JSON.stringify([plan, nodeId]), async () => {
      if (folder.identity !== undefined) {
        this.#checkSamePlan(folder.identity, plan, nodeId);
        return false;
      }
      const { world, options } = this.#parts;
      await this.#bear(() => bearNode(world, options, folder, plan, nodeId));
      return true;
    });
  }

  /**
   * True if the node became a member by this call. One that knows the catalog by now needs no seed
   * any more; one that does not looks for the members where they are now.
   */
  async join(seed: JoinSeed): Promise<boolean> {
    const folder = await this.#folder();
    return await this.#once(`join ${seed.clusterId} ${seed.nodeId}`, async () => {
      const { world, options } = this.#parts;
      const known = folder.identity;
      if (known === undefined) {
        await this.#bear(() => bearJoiner(world, options, folder, seed));
        return true;
      }
      if (known.clusterId !== seed.clusterId || known.nodeId !== seed.nodeId) {
        throw alreadyMember(known);
      }
      const core = this.#parts.core();
      if (core?.catalog.isLoaded === false) {
        await writeJoinNote(world, folder, seed);
        core.reseed(seed);
      }
      return false;
    });
  }

  async #once(wanted: string, work: () => Promise<boolean>): Promise<boolean> {
    if (this.#underWay !== undefined) {
      if (this.#underWay.wanted !== wanted) {
        throw new DynakvError('WrongCluster', 'This node is being made a member otherwise', {
          reason: 'AlreadyMember',
        });
      }
      return await this.#underWay.done;
    }
    const done = work();
    this.#underWay = { wanted, done };
    try {
      return await done;
    } finally {
      this.#underWay = undefined;
    }
  }

  async #bear(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#parts.folder()?.identity === undefined) {
        throw error; // Refused before anything was written: the node waits on.
      }
      this.#end(error);
      throw error;
    }
    try {
      await this.#parts.serve();
    } catch (error) {
      this.#end(error);
      throw error;
    }
  }

  #end(error: unknown): void {
    this.#parts.world.logger.error('Cannot become a member', { error: messageOf(error) });
    this.#parts.failed();
  }

  /** A member is asked again: nothing to do if by the plan that made it one, else refused. */
  #checkSamePlan(known: NodeIdentity, plan: BootstrapPlan, nodeId: number): void {
    if (known.clusterId !== plan.clusterId || known.nodeId !== nodeId) {
      throw alreadyMember(known);
    }
    const catalog = this.#parts.core()?.catalog;
    if (catalog === undefined) {
      throw starting();
    }
    const { cluster } = catalog;
    const isSame =
      cluster.createdAtMs === plan.createdAtMs &&
      cluster.shardCount === plan.shardCount &&
      plan.members.every((member) => catalog.nodes.has(member.nodeId));
    if (!isSame) {
      const message = `This node is a member of "${known.clusterId}" by another plan`;
      throw new DynakvError('WrongCluster', message, { reason: 'AlreadyMember' });
    }
  }
}

function starting(): DynakvError {
  return new DynakvError('Unavailable', 'The node is starting', { reason: 'Starting' });
}

function alreadyMember({ nodeId, clusterId }: NodeIdentity): DynakvError {
  const message = `This node is node ${nodeId} of cluster "${clusterId}" already`;
  return new DynakvError('WrongCluster', message, { reason: 'AlreadyMember' });
}
