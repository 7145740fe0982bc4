/**
 * The limits of a node's snapshots as the cluster wants them: the byte rate of the settings, and of
 * the snapshots that wait the ones of the more urgent moves first (design §6: repair before
 * balance). A member that fell behind the log without any move is as urgent as a repair.
 */
import { snapshotPolicyDefault } from '../host/snapshotter.ts';
import type { SnapshotPolicy } from '../host/snapshotter.ts';
import { movePriorities } from '../shards/move.ts';
import type { Catalog } from './catalog.ts';

export function snapshotPolicy(catalog: Pick<Catalog, 'settings' | 'moves'>): SnapshotPolicy {
  return {
    ...snapshotPolicyDefault,
    bytesPerSecond: () => catalog.settings.snapshotBytesPerSecond,
    priority: (groupId) => {
      for (const move of catalog.moves.values()) {
        if (move.groupId === groupId && move.startedAtMs > 0) {
          return -movePriorities[move.reason];
        }
      }
      return -movePriorities.Repair;
    },
  };
}
