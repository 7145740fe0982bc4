/** All dashboards, by the name of their file. */
import { clusterOverview } from './cluster-overview.ts';
import type { Dashboard } from './dashboard.ts';
import { rebalanceAndDrain } from './rebalance-and-drain.ts';
import { shardsAndRaft } from './shards-and-raft.ts';

export const dashboards: Readonly<Record<string, Dashboard>> = {
  'cluster-overview': clusterOverview,
  'shards-and-raft': shardsAndRaft,
  'rebalance-and-drain': rebalanceAndDrain,
};
