/**
 * The commands of the planner's scenarios (`shards/testdata`): a cluster is made, things happen to
 * it, plans are shown and carried out, and the outcome is stated in numbers.
 *
 *   gen-cluster nodes=5 shards=40 rf=3 zones=(a,a,b,b,c) weights=(1,1,2,1,1) placement=skewed
 *   add-node count=2 zone=a weight=2        drain n4    kill n2    silence n2    remove n2
 *   maintain n3    evict n3    return n4    lead n1     set-room n4 bytes=500   fail n2 group=3
 *   check-drain n4 may-lose-spread          show plan max=5 | nodes | zones | system | grid
 *   run seed=42 steps-max=200 at-once=4     assert stat=replicas max-over-mean=1.1
 *   estimate bytes-per-second=1000000
 */
import { must } from '../lib/assert.ts';
import { checkDrain } from '../shards/drain-check.ts';
import type { ClusterView, MemberState, ViewGroup, ViewNode } from '../shards/cluster-view.ts';
import { systemGroupId } from '../shards/groups.ts';
import { describeMove } from '../shards/move.ts';
import { estimatePlan } from '../shards/plan-estimate.ts';
import { effectiveReplication, placeInitial } from '../shards/placement.ts';
import { placementGrid, summarizePlacement } from '../shards/placement-summary.ts';
import { planShards } from '../shards/planner.ts';
import type { Refusal } from '../shards/refusal.ts';
import { systemVotersMax } from '../shards/system-voters.ts';
import type { Directive } from './datadriven.ts';
import { valueOf } from './datadriven.ts';
import { ShardSimulation } from './shard-simulation.ts';

const states: Readonly<Record<string, Partial<ViewNode> & { readonly state: MemberState }>> = {
  drain: { state: 'draining' },
  kill: { state: 'dead' },
  remove: { state: 'removed' },
  silence: { state: 'active', live: false },
  maintain: { state: 'maintenance' },
  evict: { state: 'evictingLeaders' },
  return: { state: 'active', live: true },
};

function numberOf(directive: Directive, key: string, otherwise: number): number {
  const text = valueOf(directive, key);
  if (text !== undefined && !/^[0-9.]+$/.test(text)) {
    throw new Error(`Expected a number for "${key}" at line ${directive.line}: ${text}`);
  }
  return text === undefined ? otherwise : Number(text);
}

function listOf(directive: Directive, key: string): readonly string[] {
  return directive.args.find((arg) => arg.key === key)?.values ?? [];
}

/** The nodes that a directive names, as `n4`. */
function nodesOf(directive: Directive): number[] {
  const words = directive.args.filter(({ values }) => values.length === 0).map(({ key }) => key);
  return words.flatMap((word) => (/^n[0-9]+$/.test(word) ? [Number(word.slice(1))] : []));
}

function hasWord(directive: Directive, word: string): boolean {
  return directive.args.some(({ key, values }) => key === word && values.length === 0);
}

function refusalLines(refusals: readonly Refusal[]): string[] {
  return refusals.map(({ reason, message }) => `refused ${reason}: ${message}`);
}

export class ShardScenario {
  #simulation = new ShardSimulation({
    ...{ nodes: [], groups: [], replicationFactor: 1, effectiveFactor: 1 },
  });

  /** Runs one directive; its output. */
  run(directive: Directive): string {
    const { command } = directive;
    const state = states[command];
    if (state !== undefined) {
      this.#setNodes(nodesOf(directive), state);
      return this.#nodeLines(nodesOf(directive)).join('\n');
    }
    switch (command) {
      case 'gen-cluster':
        return this.#generate(directive);
      case 'add-node':
        return this.#addNodes(directive);
      case 'lead':
        return this.#lead(must(nodesOf(directive)[0]));
      case 'set-room':
        return this.#setRoom(directive);
      case 'fail':
        return this.#fail(directive);
      case 'check-drain':
        return this.#checkDrain(directive);
      case 'show':
        return this.#show(directive);
      case 'run':
        return this.#run(directive);
      case 'assert':
        return this.#assert(directive);
      case 'estimate':
        return this.#estimate(directive);
      default:
        throw new Error(`Unknown command at line ${directive.line}: ${command}`);
    }
  }

  get #view(): ClusterView {
    return this.#simulation.view;
  }

  set #view(view: ClusterView) {
    this.#simulation.view = view;
  }

  #generate(directive: Directive): string {
    const count = numberOf(directive, 'nodes', 3);
    const [zones, weights] = [listOf(directive, 'zones'), listOf(directive, 'weights')];
    const nodes = Array.from({ length: count }, (_, i): ViewNode => ({
      ...{ nodeId: i + 1, state: 'active', zone: zones[i] },
      weight: weights[i] === undefined ? undefined : Number(weights[i]),
    }));
    const replicationFactor = numberOf(directive, 'rf', 3);
    const effectiveFactor = effectiveReplication(replicationFactor, count);
    const skewed = valueOf(directive, 'placement') === 'skewed';
    const shards = Array.from({ length: numberOf(directive, 'shards', 16) }, (_, id) => id);
    const placed = placeInitial({
      nodes: skewed ? nodes.slice(0, effectiveFactor) : nodes,
      ...{ shards, replicationFactor },
    });
    const bytes = numberOf(directive, 'bytes', 1_000);
    const groups = placed.map(({ shardId, replicas, preferredLeader }): ViewGroup => ({
      groupId: shardId + 1,
      replicas: replicas.map(({ nodeId }) => ({ nodeId, role: 'voter' })),
      ...{ leader: preferredLeader, preferredLeader, bytes },
    }));
    const voters = effectiveReplication(systemVotersMax, count);
    const system: ViewGroup = {
      groupId: systemGroupId,
      replicas: nodes.map(({ nodeId }, i) =>
        i < voters ? { nodeId, role: 'voter' } : { nodeId, role: 'learner', caughtUp: true },
      ),
      ...{ leader: 1, preferredLeader: 1 },
    };
    const view = { nodes, groups: [system, ...groups], replicationFactor, effectiveFactor };
    this.#simulation = new ShardSimulation({ ...view, limits: { freeBytesMin: 0 } });
    return this.#statLine();
  }

  #addNodes(directive: Directive): string {
    const added: number[] = [];
    for (let n = 0; n < numberOf(directive, 'count', 1); n++) {
      const nodeId = Math.max(0, ...this.#view.nodes.map((node) => node.nodeId)) + 1;
      const zone = valueOf(directive, 'zone');
      const weight = numberOf(directive, 'weight', 1);
      const node: ViewNode = { nodeId, state: 'active', zone, weight };
      this.#view = { ...this.#view, nodes: [...this.#view.nodes, node] };
      added.push(nodeId);
    }
    return this.#nodeLines(added).join('\n');
  }

  #setNodes(nodeIds: readonly number[], change: Partial<ViewNode>): void {
    const nodes = this.#view.nodes.map((node) =>
      nodeIds.includes(node.nodeId) ? { ...node, ...change } : node,
    );
    this.#view = { ...this.#view, nodes };
  }

  #lead(nodeId: number): string {
    const groups = this.#view.groups.map((group) => {
      const votes = group.replicas.some((each) => each.nodeId === nodeId && each.role === 'voter');
      return votes ? { ...group, leader: nodeId } : group;
    });
    this.#view = { ...this.#view, groups };
    return this.#nodeLines([nodeId]).join('\n');
  }

  #setRoom(directive: Directive): string {
    this.#setNodes(nodesOf(directive), { freeBytes: numberOf(directive, 'bytes', 0) });
    return 'ok';
  }

  #fail(directive: Directive): string {
    const groupId = numberOf(directive, 'group', 1);
    const failed = nodesOf(directive);
    const groups = this.#view.groups.map((group) => ({
      ...group,
      replicas: group.replicas.map((replica) =>
        group.groupId === groupId && failed.includes(replica.nodeId)
          ? { ...replica, failed: true }
          : replica,
      ),
    }));
    this.#view = { ...this.#view, groups };
    return 'ok';
  }

  #checkDrain(directive: Directive): string {
    const nodeIds = nodesOf(directive);
    const mayLoseSpread = hasWord(directive, 'may-lose-spread');
    const { refusals, plan } = checkDrain({ view: this.#view, nodeIds, mayLoseSpread });
    const { copies, bytes } = estimatePlan(this.#view, plan?.moves ?? []);
    const lines = refusalLines(refusals);
    return lines.length > 0 ? lines.join('\n') : `ok copies=${copies} bytes=${bytes}`;
  }

  #show(directive: Directive): string {
    const [what] = directive.args.map(({ key }) => key);
    switch (what) {
      case 'plan':
        return this.#showPlan(numberOf(directive, 'max', 10));
      case 'nodes':
        return this.#nodeLines(this.#view.nodes.map(({ nodeId }) => nodeId)).join('\n');
      case 'zones':
        return summarizePlacement(this.#view)
          .zones.map(
            ({ zone, nodes, voters, leaders }) =>
              `${zone ?? 'none'} nodes=${nodes} replicas=${voters} leaders=${leaders}`,
          )
          .join('\n');
      case 'system':
        return this.#showSystem();
      case 'grid':
        return this.#showGrid();
      default:
        throw new Error(`Unknown thing to show at line ${directive.line}: ${what ?? ''}`);
    }
  }

  #showPlan(max: number): string {
    const { effectiveFactor, moves, refusals } = planShards({
      view: this.#view,
      carried: this.#simulation.plan,
    });
    const shown = moves.slice(0, max).map((move) => `  ${describeMove(move)}`);
    const more = moves.length > max ? [`  … ${moves.length - max} more`] : [];
    const head = `factor=${effectiveFactor} moves=${moves.length}`;
    return [head, ...shown, ...more, ...refusalLines(refusals)].join('\n');
  }

  #showSystem(): string {
    const system = must(this.#view.groups.find(({ groupId }) => groupId === systemGroupId));
    const named = (role: string): string =>
      system.replicas
        .filter((replica) => replica.role === role)
        .map(({ nodeId }) => nodeId)
        .sort((a, b) => a - b)
        .map((nodeId) => `n${nodeId}`)
        .join(' ');
    return `voters ${named('voter')}\nlearners ${named('learner')}\nleader n${system.leader ?? 0}`;
  }

  #showGrid(): string {
    const { nodeIds, rows } = placementGrid(this.#view);
    const letters = { leader: 'L', voter: 'v', learner: 'l', outgoing: 'o', none: '.' };
    const head = `     ${nodeIds.map((nodeId) => `n${nodeId}`).join(' ')}`;
    const lines = rows.map(({ groupId, cells }) => {
      const text = cells.map((cell, n) => letters[cell].padStart(`n${nodeIds[n] ?? ''}`.length));
      return `${String(groupId).padStart(4)} ${text.join(' ')}`;
    });
    return [head, ...lines].join('\n');
  }

  #run(directive: Directive): string {
    const { steps, moves, copies, bytes, dropped, left } = this.#simulation.run({
      seed: numberOf(directive, 'seed', 1),
      stepsMax: numberOf(directive, 'steps-max', 1_000),
      copiesAtOnce: numberOf(directive, 'at-once', 4),
    });
    const head = left === 0 ? 'ok' : 'going on';
    const more = `${dropped > 0 ? ` dropped=${dropped}` : ''}${left > 0 ? ` left=${left}` : ''}`;
    const { refusals } = planShards({ view: this.#view, carried: this.#simulation.plan });
    return [
      `${head} steps=${steps} moves=${moves} copies=${copies} bytes=${bytes}${more}`,
      ...refusalLines(refusals),
      this.#statLine(),
    ].join('\n');
  }

  #assert(directive: Directive): string {
    const summary = summarizePlacement(this.#view);
    const stat = valueOf(directive, 'stat');
    const limit = numberOf(directive, 'max-over-mean', Infinity);
    const value = stat === 'leaders' ? summary.leadersMaxOverMean : summary.loadMaxOverMean;
    const isSpread = hasWord(directive, 'best-spread');
    if (isSpread && summary.bestSpread < summary.shards) {
      return `FAILED best spread of ${summary.bestSpread} of ${summary.shards} shards`;
    }
    return value <= limit ? 'ok' : `FAILED max-over-mean=${value.toFixed(2)}`;
  }

  #estimate(directive: Directive): string {
    const { moves } = planShards({ view: this.#view, carried: this.#simulation.plan });
    const { copies, bytes, bytesMin, durationMs, busiest } = estimatePlan(this.#view, moves, {
      bytesPerSecond: numberOf(directive, 'bytes-per-second', 1_000_000),
    });
    const node = busiest === undefined ? '' : ` busiest=n${busiest.nodeId} with ${busiest.bytes}`;
    return `copies=${copies} bytes=${bytes} min=${bytesMin} ms=${durationMs}${node}`;
  }

  #statLine(): string {
    const summary = summarizePlacement(this.#view);
    const { shards, copies, bestSpread, underReplicated, leaderless } = summary;
    const ratios = `${summary.loadMaxOverMean.toFixed(2)}/${summary.leadersMaxOverMean.toFixed(2)}`;
    return (
      `shards=${shards} copies=${copies} best-spread=${bestSpread} under=${underReplicated} ` +
      `leaderless=${leaderless} max-over-mean=${ratios}`
    );
  }

  #nodeLines(nodeIds: readonly number[]): string[] {
    const live = new Map(this.#view.nodes.map((node) => [node.nodeId, node.live !== false]));
    return summarizePlacement(this.#view)
      .nodes.filter(({ nodeId }) => nodeIds.includes(nodeId))
      .map(({ nodeId, zone, state, voters, learners, leaders, share }) => {
        const where = zone === undefined ? '' : ` zone=${zone}`;
        const silent = live.get(nodeId) === true ? '' : ' silent';
        const learning = learners > 0 ? ` learners=${learners}` : '';
        const counts = `replicas=${voters}${learning} leaders=${leaders} share=${share.toFixed(1)}`;
        return `n${nodeId}${where} ${state}${silent} ${counts}`;
      });
  }
}
