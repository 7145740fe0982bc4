/**
 * All that runs on the node that leads the system group, and rests on the others: the ShardManager,
 * the feature version's rise, and the desk that answers the admin API.
 */
import type { NodeFacts } from '../host/liveness-frames.ts';
import type { Router } from '../router/router.ts';
import type { Clock, Timers } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { NodeId } from '../sys/network.ts';
import { AdminDesk } from './admin-desk.ts';
import type { Catalog } from './catalog.ts';
import { FeatureFanout } from './feature-fanout.ts';
import { MoveRate } from './move-rate.ts';
import { ShardManager } from './shard-manager.ts';

export interface ManagementParts {
  readonly catalog: Catalog;
  readonly router: Router;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly ownId: NodeId;
  /** What this node hears of a node. */
  node(nodeId: NodeId): NodeFacts & { readonly live: boolean };
}

export class Management {
  readonly shards: ShardManager;
  readonly features: FeatureFanout;
  readonly rate = new MoveRate();
  readonly desk: AdminDesk;

  constructor(parts: ManagementParts) {
    const { catalog, router, clock, logger } = parts;
    const { rate } = this;
    this.features = new FeatureFanout({ catalog, router, clock, logger });
    this.shards = new ShardManager({
      ...parts,
      ...{ features: this.features, rate },
      node: (nodeId) => parts.node(nodeId),
    });
    this.desk = new AdminDesk({
      ...{ catalog, router, clock, manager: this.shards },
      ...{ features: this.features, rate, logger },
    });
  }
}
