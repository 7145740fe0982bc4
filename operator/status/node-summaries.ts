/** The nodes of a cluster in its status: what is wrong first, 50 at most (O17). */
import type { NodeView } from '../../node/contract/status-types.ts';
import type { NodeSummary } from '../api/cluster-status.ts';
import { podName } from '../api/names.ts';
import { nodeIdOf, ordinalOfNode } from '../api/node-place.ts';
import type { MachineView, Observed, PodView } from '../api/observed.ts';
import { coarseBytes, shortText } from './rounded.ts';

const nodesMax = 50;
const messageCharactersMax = 512;

interface Place {
  readonly ordinal: number;
  readonly pod: PodView | undefined;
  readonly node: NodeView | undefined;
  readonly machine: MachineView | undefined;
}

function placesOf({ cluster, pods, machines, database }: Observed): readonly Place[] {
  const { name } = cluster.metadata;
  const nodes = new Map<number, NodeView>();
  for (const node of database.status?.nodes ?? []) {
    const ordinal = node.state === 'removed' ? undefined : ordinalOfNode(name, node);
    const known = ordinal === undefined ? undefined : nodes.get(ordinal);
    // A pod that came with an empty disk is another node by now: the younger one is in it.
    if (ordinal !== undefined && (known === undefined || nodeIdOf(known) < nodeIdOf(node))) {
      nodes.set(ordinal, node);
    }
  }
  const podOf = new Map(pods.map((pod) => [pod.ordinal, pod]));
  const ordinals = [...new Set([...podOf.keys(), ...nodes.keys()])].sort((a, b) => a - b);
  return ordinals.map((ordinal) => {
    const pod = podOf.get(ordinal);
    const machine = machines.find((each) => each.name === pod?.machine);
    return { ordinal, pod, node: nodes.get(ordinal), machine };
  });
}

/** What is wrong with a node, in a sentence; undefined: nothing. */
function complaintOf({ pod, node, machine }: Place): string | undefined {
  if (node !== undefined && node.quarantined !== '') {
    return `Its store failed: ${node.quarantined}`;
  }
  if (pod === undefined) {
    return 'It has no pod';
  }
  if (pod.failure !== '') {
    return `${pod.failure}${pod.failureMessage === '' ? '' : `: ${pod.failureMessage}`}`;
  }
  if (pod.terminating) {
    return 'Its pod is ending';
  }
  if (node?.answers === false) {
    return 'It does not answer the other nodes';
  }
  if (!pod.ready) {
    return 'Its pod is not Ready';
  }
  if (machine?.zone === '') {
    return `Its machine ${machine.name} has no zone label`;
  }
  return undefined;
}

function summaryOf(name: string, place: Place): NodeSummary {
  const { ordinal, pod, node, machine } = place;
  const complaint = complaintOf(place);
  const zone = node?.member?.zone === '' ? machine?.zone : (node?.member?.zone ?? machine?.zone);
  return {
    name: podName(name, ordinal),
    ...(node === undefined ? {} : { nodeId: nodeIdOf(node) }),
    ...(zone === undefined || zone === '' ? {} : { zone }),
    state: node?.state ?? 'unknown',
    ready: pod?.ready === true,
    ...(node === undefined
      ? {}
      : {
          shards: node.replicaCount,
          leaders: node.leaderCount,
          usedBytes: coarseBytes(node.usedBytes),
        }),
    ...(node === undefined || node.version === '' ? {} : { version: node.version }),
    ...(complaint === undefined ? {} : { message: shortText(complaint, messageCharactersMax) }),
  };
}

export function summariseNodes(observed: Observed): readonly NodeSummary[] {
  const { name } = observed.cluster.metadata;
  const all = placesOf(observed).map((place) => summaryOf(name, place));
  const weight = ({ message, state }: NodeSummary): number =>
    message !== undefined ? 0 : state === 'active' ? 2 : 1;
  // The sort keeps the order of ordinals among equals.
  return all.sort((a, b) => weight(a) - weight(b)).slice(0, nodesMax);
}

/** The oldest of the versions that nodes say they run; undefined: none says. */
export function oldestVersion(nodes: readonly NodeView[]): string | undefined {
  const versions = nodes
    .filter(({ state, version }) => state !== 'removed' && version !== '')
    .map(({ version }) => version);
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))[0];
}
