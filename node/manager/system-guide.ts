/**
 * Where the members are, and which replicas of the system group they hold: by the catalog; by the
 * seed of the node's birth before there is one; or by another node's catalog that is newer.
 *
 * The last is the way back for a node that was away while the group moved to nodes that it does not
 * know. Whoever leads the group now cannot reach it, as no frame is taken from a stranger, and only
 * the group could bring its catalog up to date, which would name the strangers. So while its
 * replica has no leader it asks the peers that it does know, one after the other, where the members
 * are, and goes by the newest answer until its own catalog is as new. Those that it knows may all
 * be gone: then whoever calls, with a newer id than any in the catalog, is let in and asked.
 *
 * Only where frames go depends on it: who is a member, and who votes, is for the group's log to
 * say. An id of a node or a replica is never given out twice, so an address may be out of date, but
 * none leads to another replica.
 */
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { WhereaboutsReply } from '../host/group-commands.ts';
import type { Liveness } from '../host/liveness.ts';
import type { ReplicaId } from '../raft/messages.ts';
import type { Router } from '../router/router.ts';
import { systemGroupId } from '../shards/groups.ts';
import type { Clock } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { NodeId, PeerAddress } from '../sys/network.ts';
import type { Catalog } from './catalog.ts';
import type { JoinSeed } from './join-seed.ts';

/** Looks in a row without a leader before it asks: an election is over by then. */
const leaderlessLooksMin = 3;
const answerMs = 2_000;
/** Newcomers that are let in at once: one is enough to ask. */
const strangersMax = 5;

/** What it looks at of this node's `Host`. */
export interface GuidedHost {
  readonly groups: ReadonlyMap<number, GuidedGroup>;
  readonly liveness: Pick<Liveness, 'isLive'>;
}

export interface GuidedGroup {
  /** 0: nobody is known to lead. */
  readonly leader: ReplicaId;
  readonly stoppedBecause: unknown;
  readonly replica: { readonly applied: { readonly index: number } };
}

export interface SystemGuideParts {
  readonly host: GuidedHost;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly router: () => Pick<Router, 'whereabouts'>;
  /** There is something newer to go by. */
  readonly changed: () => void;
}

export class SystemGuide {
  readonly #parts: SystemGuideParts;
  #seed: JoinSeed | undefined;
  #found: WhereaboutsReply | undefined;
  /** Nodes that called and are not in the catalog, the last ones. */
  readonly #strangers = new Map<NodeId, PeerAddress>();
  #leaderlessLooks = 0;
  #asked = 0;
  #isAsking = false;

  constructor(parts: SystemGuideParts, seed: JoinSeed | undefined) {
    this.#parts = parts;
    this.#seed = seed;
  }

  reseed(seed: JoinSeed): void {
    this.#seed = seed;
    this.#parts.changed();
  }

  /** Nodes that this one may talk to. */
  get members(): readonly PeerAddress[] {
    const { catalog } = this.#parts;
    const own = catalog.isLoaded ? catalog.members : this.#seed?.members;
    const members = this.#newer?.members ?? own ?? [];
    return this.#isLost ? [...members, ...this.#newcomers(members)] : members;
  }

  /** Strangers with newer ids than all that are known: ids are given out in order, once. */
  #newcomers(members: readonly PeerAddress[]): PeerAddress[] {
    const known = [...this.#parts.catalog.nodes.keys(), ...members.map(({ nodeId }) => nodeId)];
    const newest = Math.max(0, ...known);
    return [...this.#strangers.values()].filter(({ nodeId }) => nodeId > newest);
  }

  /** An election is over, and still nobody leads the group that this node knows of. */
  get #isLost(): boolean {
    return this.#leaderlessLooks >= leaderlessLooksMin;
  }

  /** A node that is no peer here called, as a member of this cluster. */
  called(stranger: PeerAddress): void {
    const { nodeId, address } = stranger;
    const isNew = this.#strangers.get(nodeId)?.address !== address;
    this.#strangers.delete(nodeId);
    this.#strangers.set(nodeId, stranger);
    for (const first of this.#strangers.keys()) {
      if (this.#strangers.size > strangersMax) {
        this.#strangers.delete(first);
      }
    }
    if (isNew && this.#isLost) {
      this.#parts.changed();
    }
  }

  get systemReplicas(): WhereaboutsReply['systemReplicas'] {
    const { catalog } = this.#parts;
    const own = catalog.isLoaded ? catalog.systemReplicas : this.#seed?.systemReplicas;
    return this.#newer?.systemReplicas ?? own ?? [];
  }

  /** An answer that is newer than the catalog. */
  get #newer(): WhereaboutsReply | undefined {
    return (this.#found?.index ?? 0) > this.#ownIndex ? this.#found : undefined;
  }

  /** For other nodes that look for the group. Throws `Unavailable` before the catalog is there. */
  answer(): WhereaboutsReply {
    const { catalog } = this.#parts;
    if (!catalog.isLoaded) {
      throw new DynakvError('Unavailable', 'Cannot say where the system group is: no catalog yet');
    }
    return {
      kind: 'found',
      index: this.#ownIndex,
      members: catalog.members.map(({ nodeId, address, storeId }) => ({
        nodeId,
        address,
        storeId,
      })),
      systemReplicas: catalog.systemReplicas,
    };
  }

  /** Once a second or so. */
  look(): void {
    const group = this.#parts.host.groups.get(systemGroupId);
    const isLeaderless = group?.stoppedBecause === undefined && group?.leader === 0;
    const wasLost = this.#isLost;
    this.#leaderlessLooks = isLeaderless ? this.#leaderlessLooks + 1 : 0;
    if (wasLost !== this.#isLost && this.#strangers.size > 0) {
      this.#parts.changed();
    }
    if (!this.#isLost || this.#isAsking) {
      return;
    }
    const { host, logger } = this.#parts;
    const live = this.members.filter(({ nodeId }) => host.liveness.isLive(nodeId));
    const nodeId = live[this.#asked++ % live.length]?.nodeId;
    if (nodeId !== undefined) {
      this.#isAsking = true;
      this.#ask(nodeId)
        .catch((error: unknown) => {
          logger.debug('No word of the system group', { peer: nodeId, why: messageOf(error) });
        })
        .finally(() => {
          this.#isAsking = false;
        });
    }
  }

  async #ask(nodeId: NodeId): Promise<void> {
    const { clock, logger, router, changed } = this.#parts;
    const reply = await router().whereabouts(nodeId, clock.monotonicMs() + answerMs);
    if (reply.index > Math.max(this.#ownIndex, this.#found?.index ?? 0)) {
      this.#found = reply;
      logger.info('Found the system group', {
        ...{ by: nodeId, catalog: this.#ownIndex, theirs: reply.index },
        nodes: reply.systemReplicas.map((replica) => replica.nodeId),
      });
      changed();
    }
  }

  /** The log index that the catalog here is as new as. */
  get #ownIndex(): number {
    const { catalog, host } = this.#parts;
    return catalog.isLoaded ? (host.groups.get(systemGroupId)?.replica.applied.index ?? 0) : 0;
  }
}
