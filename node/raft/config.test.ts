import { describe, expect, test } from '@jest/globals';

import { raftConfigProblems, resolveRaftConfig } from './config.ts';
import { MemoryStorage } from './memory-storage.ts';

const base = { id: 1, storage: new MemoryStorage(), random: () => 0 };

describe('RaftConfig', () => {
  test('the defaults are valid, and limits of 0 are resolved', () => {
    const config = resolveRaftConfig({ ...base, messageBytesMax: 500 });
    expect([config.applyingBytesMax, config.uncommittedBytesMax, config.inflightBytesMax]).toEqual([
      500,
      Infinity,
      Infinity,
    ]);
  });

  test('all problems are reported at once', () => {
    const problems = raftConfigProblems({
      ...base,
      id: 0,
      electionTicks: 1,
      inflightMessagesMax: 0,
      inflightBytesMax: 10,
      messageBytesMax: -1,
      readOnly: 'lease',
    });
    expect(problems).toEqual([
      '"id" must be a replica id: 0',
      '"electionTicks" must be above "heartbeatTicks": 1',
      '"inflightMessagesMax" must be at least 1: 0',
      '"messageBytesMax" must be a size in bytes: -1',
      '"readOnly" must be "safe" without "checkQuorum": "lease"',
    ]);
  });

  test('a window smaller than a message is a problem', () => {
    expect(raftConfigProblems({ ...base, inflightBytesMax: 10 }).length).toBe(1);
  });

  test('resolveRaftConfig() throws a ConfigInvalid', () => {
    expect(() => resolveRaftConfig({ ...base, id: -1 })).toThrow('Cannot start a replica: "id"');
  });
});
