/** All storms, by name. */
import { clusterStorm } from './cluster-storm.ts';
import { hotStorm } from './hot-storm.ts';
import { logStorm } from './log-storm.ts';
import { raftStorm } from './raft-storm.ts';
import { restStorm } from './rest-storm.ts';
import { snapshotStorm } from './snapshot-storm.ts';
import type { Storm } from './storm.ts';
import { swarmStorm } from './swarm-storm.ts';

export const storms: readonly Storm[] = [
  raftStorm,
  logStorm,
  hotStorm,
  clusterStorm,
  snapshotStorm,
  restStorm,
  swarmStorm,
];
