/** All that is fuzzed, by name: the names of `make fuzz TARGET=` and of the corpus files. */
import type { FuzzTarget } from './fuzz-target.ts';
import { expressions } from './targets/expressions.ts';
import { dynamoRequests, keyRequests } from './targets/http-requests.ts';
import { peerFrames } from './targets/peer-frames.ts';
import { peerStreams } from './targets/peer-streams.ts';
import { raftLogFiles } from './targets/raft-log-files.ts';
import { raftMessages } from './targets/raft-messages.ts';
import { rows } from './targets/rows.ts';
import { values } from './targets/values.ts';

export const fuzzTargets: Readonly<Record<string, () => FuzzTarget | Promise<FuzzTarget>>> = {
  'peer-frames': peerFrames,
  'peer-streams': peerStreams,
  'raft-log': raftLogFiles,
  'raft-messages': raftMessages,
  rows,
  values,
  expressions,
  dynamo: dynamoRequests,
  key: keyRequests,
};
