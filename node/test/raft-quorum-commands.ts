/** The commands of quorum traces: `committed` and `vote` on majority and joint configurations. */
import { jointCommittedIndex, jointVoterIds, jointVoteResult } from '../raft/joint-quorum.ts';
import { describeAcks } from '../raft/describe.ts';
import { majorityCommittedIndex, majorityVoteResult } from '../raft/quorum.ts';
import type { AckedIndexer, VoteResult } from '../raft/quorum.ts';
import type { Directive } from './datadriven.ts';

const voteNames = { pending: 'VotePending', lost: 'VoteLost', won: 'VoteWon' } as const;
const voteName = (result: VoteResult): string => voteNames[result];
const indexName = (index: number): string => (index === Infinity ? '∞' : String(index));

class MapIndexer implements AckedIndexer {
  readonly #indexes: ReadonlyMap<number, number>;

  constructor(indexes: ReadonlyMap<number, number>) {
    this.#indexes = indexes;
  }

  ackedIndex(id: number): number | undefined {
    return this.#indexes.get(id);
  }
}

/** Numbers as they stand in the directive, `_` for none, spread over the voters in order. */
function spread(
  ids: readonly number[],
  values: readonly (number | undefined)[],
): Map<number, number> {
  const byId = new Map<number, number>();
  let at = 0;
  for (const id of new Set(ids)) {
    const value = values[at];
    at += 1;
    if (value !== undefined) {
      byId.set(id, value);
    }
  }
  return byId;
}

/** Handles one directive. */
export function runQuorumCommand({ command, args }: Directive): string {
  const incoming: number[] = [];
  const outgoing: number[] = [];
  const values: (number | undefined)[] = [];
  let isJoint = false;
  for (const { key, values: texts } of args) {
    for (const text of texts) {
      if (key === 'cfg') {
        incoming.push(Number(text));
      } else if (key === 'cfgj') {
        isJoint = true;
        if (text !== 'zero') {
          outgoing.push(Number(text));
        }
      } else if (key === 'idx') {
        values.push(text === '_' ? undefined : Number(text));
      } else if (key === 'votes') {
        values.push(text === '_' ? undefined : Number(text === 'y'));
      } else {
        throw new Error(`unknown arg ${key}`);
      }
    }
  }
  const order = [...incoming, ...outgoing];
  const sort = (ids: readonly number[]): number[] => [...new Set(ids)].sort((a, b) => a - b);
  const voters = { incoming: sort(incoming), outgoing: sort(outgoing) };
  const ids = jointVoterIds(voters);
  if (ids.length !== values.length) {
    const map = ids.map((id) => `${id}:{}`).join(' ');
    const list = values.map((value) => value ?? 0).join(' ');
    return `error: mismatched input (explicit or _) for voters map[${map}]: [${list}]`;
  }
  if (command === 'vote') {
    const votes = new Map([...spread(order, values)].map(([id, vote]) => [id, vote === 1]));
    const swapped = { incoming: voters.outgoing, outgoing: voters.incoming };
    const result = isJoint
      ? jointVoteResult(voters, votes)
      : majorityVoteResult(voters.incoming, votes);
    const mirrored = jointVoteResult(swapped, votes);
    const note = mirrored === result ? '' : `${voteName(mirrored)} <-- via symmetry\n`;
    return `${note}${voteName(result)}\n`;
  }
  if (command !== 'committed') {
    throw new Error(`unknown command: ${command}`);
  }
  const acked = new MapIndexer(spread(order, values));
  let text = describeAcks(ids, acked);
  const expect = (index: number, other: number, what: string): void => {
    if (other !== index) {
      text += `${indexName(other)} <-- via ${what}\n`;
    }
  };
  if (isJoint) {
    const index = jointCommittedIndex(voters, acked);
    const swapped = { incoming: voters.outgoing, outgoing: voters.incoming };
    expect(index, jointCommittedIndex(swapped, acked), 'symmetry');
    return `${text}${indexName(index)}\n`;
  }
  const { incoming: majority } = voters;
  const index = majorityCommittedIndex(majority, acked);
  expect(index, slowCommittedIndex(majority, acked), 'alternative computation');
  const zeroJoint = { incoming: majority, outgoing: [] };
  expect(index, jointCommittedIndex(zeroJoint, acked), 'zero-joint quorum');
  const selfJoint = { incoming: majority, outgoing: majority };
  expect(index, jointCommittedIndex(selfJoint, acked), 'self-joint quorum');
  return `${text}${indexName(index)}\n`;
}

/** The definition, counted out: the largest acknowledged index that a majority has reached. */
export function slowCommittedIndex(voters: readonly number[], acked: AckedIndexer): number {
  if (voters.length === 0) {
    return Infinity;
  }
  let best = 0;
  for (const candidate of voters) {
    const index = acked.ackedIndex(candidate) ?? 0;
    const reached = voters.filter((id) => (acked.ackedIndex(id) ?? 0) >= index).length;
    if (reached > voters.length / 2 && index > best) {
      best = index;
    }
  }
  return best;
}
