/**
 * Saves copies that a plan need not make. The balancer takes whatever direct move it finds; in the
 * end another choice may lead to loads that are as good with fewer bytes copied. Such a choice is a
 * cycle of moves (each node of it gives one group and gets one) whose costs add up to less than
 * nothing; a node with load to spare may begin one and a node with load to take may end one. When
 * no such cycle is left, the plan is the cheapest of all with loads within the goals (Klein 1967).
 *
 * Cycles are looked for with Bellman and Ford's method on the graph of nodes, each edge being the
 * cheapest group that may go that way. That is quick in small clusters and slow in large ones,
 * where direct moves abound and there is next to nothing to save: there it is left out.
 */
/** Groups on nodes times nodes: some 20 ms of work. */
export const cancellerWorkMax = 200_000;
/** Cycles cancelled for one plan: far more than the balancer ever leaves. */
const cyclesMax = 1_000;

/** A move of one group, by index. */
export interface Hop {
  readonly g: number;
  readonly from: number;
  readonly to: number;
}

/** The placement as the canceller sees it. */
export interface MoveGraph {
  /** Nodes that may give and take. */
  readonly nodes: readonly number[];
  groupsOn(i: number): readonly number[];
  canMove(g: number, from: number, to: number): boolean;
  /** What the move adds to the cost of the plan; below 0 if it saves a copy. */
  costOf(g: number, from: number, to: number): number;
  /** It may end with a group less, or more. */
  maySpare(i: number): boolean;
  mayTake(i: number): boolean;
  move(hop: Hop): void;
}

/** An edge of the graph: a hop, or (without one) load spared here for load taken there. */
interface Edge {
  readonly from: number;
  readonly to: number;
  readonly cost: number;
  readonly hop: Hop | undefined;
}

/** Where load that is spared comes from, and load that is taken goes. */
const outside = -1;

/** Cancels cycles until none is left; how many it cancelled. */
export function cancelCycles(graph: MoveGraph): number {
  const held = graph.nodes.reduce((sum, i) => sum + graph.groupsOn(i).length, 0);
  if (held * graph.nodes.length > cancellerWorkMax) {
    return 0;
  }
  for (let count = 0; count < cyclesMax; count++) {
    const cycle = findCycle(graph);
    if (cycle === undefined) {
      return count;
    }
    for (const hop of cycle) {
      graph.move(hop);
    }
  }
  return cyclesMax;
}

function edgesOf(graph: MoveGraph): Edge[] {
  const edges: Edge[] = [];
  for (const from of graph.nodes) {
    const cheapest = new Map<number, Edge>();
    for (const g of graph.groupsOn(from)) {
      for (const to of graph.nodes) {
        const known = cheapest.get(to);
        const cost = graph.costOf(g, from, to);
        if ((known === undefined || cost < known.cost) && graph.canMove(g, from, to)) {
          cheapest.set(to, { from, to, cost, hop: { g, from, to } });
        }
      }
    }
    edges.push(...cheapest.values());
    if (graph.mayTake(from)) {
      edges.push({ from, to: outside, cost: 0, hop: undefined });
    }
    if (graph.maySpare(from)) {
      edges.push({ from: outside, to: from, cost: 0, hop: undefined });
    }
  }
  return edges;
}

/** The hops of a cycle that saves something. */
function findCycle(graph: MoveGraph): Hop[] | undefined {
  const edges = edgesOf(graph);
  if (!edges.some(({ cost }) => cost < 0)) {
    return undefined;
  }
  const vertices = [outside, ...graph.nodes];
  const distances = new Map(vertices.map((vertex) => [vertex, 0]));
  const before = new Map<number, Edge>();
  let changed: number | undefined;
  for (let round = 0; round < vertices.length; round++) {
    changed = undefined;
    for (const edge of edges) {
      const distance = (distances.get(edge.from) as number) + edge.cost;
      if (distance < (distances.get(edge.to) as number)) {
        distances.set(edge.to, distance);
        before.set(edge.to, edge);
        changed = edge.to;
      }
    }
    if (changed === undefined) {
      return undefined;
    }
  }
  return hopsOf(cycleFrom(before, changed as number, vertices.length));
}

/** Walks back far enough to be on the cycle, then once around it. */
function cycleFrom(before: ReadonlyMap<number, Edge>, start: number, steps: number): Edge[] {
  let at = start;
  for (let step = 0; step < steps; step++) {
    at = (before.get(at) as Edge).from;
  }
  const cycle: Edge[] = [];
  const end = at;
  do {
    const edge = before.get(at) as Edge;
    cycle.unshift(edge);
    at = edge.from;
  } while (at !== end);
  return cycle;
}

/**
 * The hops of a cycle; none if it uses a group twice, as its hops might not go together then. The
 * search ends there, with a plan that is good all the same: such a cycle has yet to be seen.
 */
function hopsOf(cycle: readonly Edge[]): Hop[] | undefined {
  const hops = cycle.map(({ hop }) => hop).filter((hop) => hop !== undefined);
  return new Set(hops.map(({ g }) => g)).size === hops.length ? hops : undefined;
}
