/** All storms, by name. */
import { clusterStorm } from './cluster-storm.ts';
import { coldStorm } from './cold-storm.ts';
import { hotStorm } from './hot-storm.ts';
import { logStorm } from './log-storm.ts';
import { memberStorm } from './member-storm.ts';
import { paperStorm } from './paper-storm.ts';
import { raftStorm } from './raft-storm.ts';
import { readerStorm } from './reader-storm.ts';
import { restStorm } from './rest-storm.ts';
import { snapshotStorm } from './snapshot-storm.ts';
import { schemaStorm } from './schema-storm.ts';
import { storeStorm } from './store-storm.ts';
import type { Storm } from './storm.ts';
import { swarmStorm } from './swarm-storm.ts';
import { tailStorm } from './tail-storm.ts';

export const storms: readonly Storm[] = [
  raftStorm,
  tailStorm,
  logStorm,
  hotStorm,
  coldStorm,
  clusterStorm,
  snapshotStorm,
  readerStorm,
  restStorm,
  storeStorm,
  schemaStorm,
  memberStorm,
  paperStorm,
  swarmStorm,
];
