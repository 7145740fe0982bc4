/**
 * How long the shard planner thinks about a cluster of 1,000 nodes and 65,536 shards of three
 * copies when a node is lost; beside it, when nothing happened, when a node joined, when a hundred
 * joined, and when everything lay on three nodes. On one core; views are made beforehand.
 *
 * `node node/bench/planner.ts` prints it by itself, without clusters and load tools.
 */
import { must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import type { ClusterView, ViewGroup, ViewNode } from '../shards/cluster-view.ts';
import type { Move } from '../shards/move.ts';
import { planShards } from '../shards/planner.ts';
import { median } from './pairs.ts';
import type { BenchProcesses, Suite } from './processes.ts';
import type { Measurement, RowTarget } from './report.ts';

const nodeCount = 1_000;
const shardCount = 65_536;
const copies = 3;
const bytesPerShard = 64 * 1_024 * 1_024;

export const planner: Suite<RowTarget> = {
  targets: [
    {
      id: 'planner',
      title: 'Plan for 1,000 nodes × 65,536 shards × 3, one node lost',
      ...{ unit: 's', better: 'less', atLeast: 5, aim: 1 },
    },
  ],
  measure,
};

async function measure(_target: RowTarget, { settings }: BenchProcesses): Promise<Measurement> {
  const view = evenView();
  const lost = withLost(view);
  const times = Array.from({ length: settings.pairs }, () => timePlan(lost).seconds);
  const facts: Record<string, number> = { runs: times.length };
  for (const [name, { seconds, moves }] of Object.entries(timeOthers(view))) {
    facts[`${name}, s`] = Number(seconds.toFixed(3));
    facts[`${name}, moves`] = moves.length;
  }
  return { value: median(times), facts };
}

interface Timed {
  readonly seconds: number;
  readonly moves: readonly Move[];
}

function timePlan(view: ClusterView): Timed {
  const startedAt = performance.now();
  const { moves } = planShards({ view });
  return { seconds: (performance.now() - startedAt) / 1_000, moves };
}

function timeOthers(view: ClusterView): Record<string, Timed> {
  return {
    'nothing happened': timePlan(view),
    'one joined': timePlan({ ...view, nodes: nodesUpTo(nodeCount + 1) }),
    'a hundred joined': timePlan({ ...view, nodes: nodesUpTo(nodeCount + 100) }),
    'all on three nodes': timePlan({ ...view, groups: crowdedGroups() }),
  };
}

function nodesUpTo(count: number): ViewNode[] {
  return Array.from({ length: count }, (_, i) => ({ nodeId: i + 1, state: 'active' }));
}

function groupOn(groupId: number, nodeIds: readonly number[]): ViewGroup {
  return {
    groupId,
    replicas: nodeIds.map((nodeId) => ({ nodeId, role: 'voter' })),
    ...{ leader: nodeIds[0], preferredLeader: nodeIds[0], bytes: bytesPerShard },
  };
}

/** Every node has as many copies as every other; each thousand of shards lies otherwise. */
function evenView(): ClusterView {
  const random = new Prng(1);
  const groups: ViewGroup[] = [];
  let ring: number[] = [];
  for (let shard = 0; shard < shardCount; shard++) {
    const at = shard % nodeCount;
    if (at === 0) {
      ring = shuffle(random);
    }
    const nodeIds = Array.from({ length: copies }, (_, k) =>
      must(ring[(at + k * Math.floor(nodeCount / copies)) % nodeCount]),
    );
    groups.push(groupOn(shard + 1, nodeIds));
  }
  return {
    ...{ nodes: nodesUpTo(nodeCount), groups },
    ...{ replicationFactor: copies, effectiveFactor: copies },
  };
}

function shuffle(random: Prng): number[] {
  const ids = Array.from({ length: nodeCount }, (_, i) => i + 1);
  for (let i = nodeCount - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [ids[i], ids[j]] = [must(ids[j]), must(ids[i])];
  }
  return ids;
}

function crowdedGroups(): ViewGroup[] {
  return Array.from({ length: shardCount }, (_, shard) => {
    const nodeIds = Array.from({ length: copies }, (_unused, k) => ((shard + k) % copies) + 1);
    return groupOn(shard + 1, nodeIds);
  });
}

function withLost(view: ClusterView): ClusterView {
  const nodes = view.nodes.map((node) =>
    node.nodeId === nodeCount / 2 ? { ...node, state: 'dead' as const } : node,
  );
  return { ...view, nodes };
}

function run(): void {
  const view = evenView();
  const lost = withLost(view);
  const rows = { 'one lost, first time': timePlan(lost), 'one lost': timePlan(lost) };
  for (const [name, { seconds, moves }] of Object.entries({ ...rows, ...timeOthers(view) })) {
    const time = `${seconds.toFixed(3)} s`.padStart(9);
    process.stdout.write(`${time}  ${name}: ${moves.length} moves\n`);
  }
}

if (import.meta.main) {
  run();
}
