/**
 * A change made by a person: it names the revision of what the person's tool has just seen, and is
 * tried again, a bounded number of times, while others change the same object in between. Any other
 * refusal is the answer.
 */
import type { ChangeView, ClusterCalls, FenceView } from '../contract/cluster-calls.ts';
import type { NodeView } from '../contract/status-types.ts';
import { DynakvError, isDynakvError } from '../lib/errors.ts';

/** Others change an object a few times a second at most. */
const attemptsMax = 8;

async function insist<T>(
  look: () => Promise<number>,
  change: (fence: FenceView) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const expectedRevision = await look();
    try {
      return await change({ expectedRevision });
    } catch (error) {
      const isConflict = isDynakvError(error) && error.facts['reason'] === 'RevisionConflict';
      if (!isConflict || attempt >= attemptsMax) {
        throw error;
      }
    }
  }
}

/** The node as the cluster knows it; refuses an id that it does not know. */
export async function findNode(calls: ClusterCalls, nodeId: number): Promise<NodeView> {
  const { nodes } = await calls.status();
  const node = nodes.find(({ member }) => member?.nodeId === nodeId);
  if (node === undefined) {
    const known = nodes.map(({ member }) => `n${member?.nodeId ?? 0}`).join(', ');
    throw new DynakvError('Refused', `Cannot find n${nodeId}: the nodes are ${known}`, {
      reason: 'UnknownNode',
    });
  }
  return node;
}

/** A change of a node, as of its revision now. */
export async function changeNode(
  calls: ClusterCalls,
  nodeId: number,
  change: (fence: FenceView) => Promise<ChangeView>,
): Promise<ChangeView> {
  return await insist(async () => (await findNode(calls, nodeId)).revision, change);
}

/** A change of the plan, as of its revision now. */
export async function changePlan(
  calls: ClusterCalls,
  change: (fence: FenceView) => Promise<ChangeView>,
): Promise<ChangeView> {
  return await insist(async () => (await calls.movement()).status?.revision ?? 0, change);
}

/** A change of the settings, as of their revision now. */
export async function changeSettings<T>(
  calls: ClusterCalls,
  change: (fence: FenceView) => Promise<T>,
): Promise<T> {
  return await insist(async () => (await calls.settings()).revision, change);
}
