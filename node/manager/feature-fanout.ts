/**
 * Raises the cluster's feature version: once every node knows a version, it goes into the log of
 * every shard, like a change of schema (design §5), and then into the catalog. Runs on the system
 * group's leader; a new one begins anew, and what is done already stays done. It never goes back.
 */
import type { Router } from '../router/router.ts';
import { shardGroupIds } from '../shards/groups.ts';
import type { Clock } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { Catalog } from './catalog.ts';

const stepMs = 5_000;
/** The version lies in a shard's log as the schema of a table that no table has the id of. */
const versionTableId = 0;

export interface FeatureFanoutParts {
  readonly catalog: Catalog;
  readonly router: Router;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class FeatureFanout {
  readonly #parts: FeatureFanoutParts;
  #busy = false;

  constructor(parts: FeatureFanoutParts) {
    this.#parts = parts;
  }

  /**
   * The version that every node knows, dead ones too: they may be back. A node that has not said
   * yet knows the cluster's.
   */
  known(): number {
    const { catalog } = this.#parts;
    const { featureVersion } = catalog.cluster;
    return Math.min(...catalog.members.map((node) => node.featureVersionMax ?? featureVersion));
  }

  /** Raises it to what every node knows; false if it is that already, or another call does it. */
  async raise(term: number): Promise<boolean> {
    const { catalog, router, clock, logger } = this.#parts;
    const version = this.known();
    if (this.#busy || version <= catalog.cluster.featureVersion) {
      return false;
    }
    this.#busy = true;
    try {
      const row = { tableId: versionTableId, version, state: 'live' } as const;
      await Promise.all(
        shardGroupIds(catalog.shardCount).map((groupId) =>
          router.schema(groupId, row, clock.monotonicMs() + stepMs),
        ),
      );
      const command = { op: 'raiseFeatureVersion', version, asTerm: term };
      await router.system(command, clock.monotonicMs() + stepMs);
      logger.info('Feature version raised', { version });
      return true;
    } finally {
      this.#busy = false;
    }
  }
}
