/** Which pod a node of the database is in, by its address: all that both know. */
import type { NodeView } from '../../node/contract/status-types.ts';
import { ordinalOf } from './names.ts';

export function nodeIdOf(node: NodeView): number {
  return node.member?.nodeId ?? 0;
}

/** The ordinal in the address of a node; undefined if it has no pod of this cluster. */
export function ordinalOfNode(cluster: string, node: NodeView): number | undefined {
  const host = node.member?.address ?? '';
  const pod = host.split('.')[0] ?? '';
  return pod === '' ? undefined : ordinalOf(cluster, pod);
}
