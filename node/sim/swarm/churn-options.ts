/**
 * Which members come and go in a seed, and how: drawn like all its options (`swarm-options.ts`).
 * Not here: what is done when (`membership-churn.ts`).
 */
import type { Prng } from '../../lib/prng.ts';

export const churnKinds = [
  /** A new machine joins, and is made active. */
  'join',
  /** A node is drained, and mostly removed; some come back with their old disk. */
  'drain',
  /** A drain is called off midway. */
  'cancelDrain',
  /** A node is away for longer than the grace period; some are removed meanwhile, most return. */
  'gone',
  /** A machine is lost, and another one joins at its address. */
  'replace',
  /** One copy, or one leadership, by hand. */
  'move',
  'transfer',
  /** Movement is paused, or called off, and started again. */
  'pausePlan',
  'cancelPlan',
  /** Another mode, other limits, more copies or fewer. */
  'settings',
  'factor',
  /** Leaders leave a node for a while; a node may be away for a while. */
  'evict',
  'maintenance',
  /** The node that manages dies, mostly in the middle of moves. */
  'killManager',
] as const;

export type ChurnKind = (typeof churnKinds)[number];

export interface ChurnOptions {
  readonly kinds: readonly ChurnKind[];
  /** Mean time between two of them, ms. */
  readonly gapMs: number;
  /** A node that is silent for longer is replaced, ms. */
  readonly graceMs: number;
  /** Machines that join, at most. */
  readonly joinsMax: number;
  /** Nodes lie in so many zones; 0: nobody says where. */
  readonly zones: number;
}

/** Each kind is on in about half of the seeds with churn. */
const kindChance = 0.45;
/** Without one of these nothing moves. */
const movers: readonly ChurnKind[] = ['join', 'drain', 'gone', 'replace'];

export function drawChurn(random: Prng): ChurnOptions {
  const kinds = churnKinds.filter(() => random.chance(kindChance));
  const mover = random.pick(movers);
  const isMoving = kinds.some((kind) => movers.includes(kind));
  return {
    kinds: isMoving ? kinds : [mover, ...kinds],
    gapMs: random.pick([700, 1_500, 3_000]),
    graceMs: 2_000 + random.below(6_000),
    joinsMax: 1 + random.below(3),
    zones: random.pick([0, 0, 2, 3, 3]),
  };
}
