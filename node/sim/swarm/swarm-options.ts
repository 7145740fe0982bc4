/**
 * What one seed tries: sizes, timings, workloads and kinds of faults, all drawn from the seed.
 * Each seed leaves some kinds out ("swarm testing": bugs that one kind of fault hides show when
 * it is off). Not here: when a fault happens and to whom (`fault-injector.ts`).
 *
 * Invariant: the same seed and overrides give the same options on every machine. New fields draw
 * from the end of `drawOptions`, so that older seeds keep what they had as far as possible.
 */
import { Prng } from '../../lib/prng.ts';
import { drawChurn } from './churn-options.ts';
import type { ChurnOptions } from './churn-options.ts';

export const faultKinds = [
  /** A process dies and comes back with all that it wrote. */
  'crash',
  /** A machine loses power: unsynced bytes are lost, torn, kept out of order. */
  'power',
  /** All machines lose power at one moment. */
  'blackout',
  /** SIGSTOP for a while. */
  'pause',
  /** A wall clock jumps by up to a day. */
  'clock',
  /** Frames are lost, doubled, reordered, held up: by a chance for each frame. */
  'loss',
  'duplicate',
  'reorder',
  'delay',
  /** Two sides, one node against the rest, one direction, one pair, a pair off and on. */
  'partition',
  'isolate',
  'oneWay',
  'pair',
  'flap',
  /** TCP connections reset. */
  'reset',
  /** The log's disk takes long. */
  'slowDisk',
  /** No space on the log's disk for a while. */
  'noSpace',
  /** The row engine takes no writes for a while. */
  'engineStall',
  /** These may cost a node its store: EIO, an engine that fails, a flipped bit, an old disk. */
  'diskError',
  'engineError',
  'bitRot',
  'oldDisk',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export const workloadKinds = [
  /** Plain and conditional puts, deletes, strong reads. */
  'register',
  /** Read, then put one more if nothing changed. */
  'counter',
  /** Read, then put one longer list if nothing changed. */
  'list',
  /** Delete, make again, delete if it is that version. */
  'recreate',
] as const;

export type WorkloadKind = (typeof workloadKinds)[number];

export interface SwarmOptions {
  readonly nodes: number;
  readonly shards: number;
  readonly replicationFactor: number;
  readonly tickMs: number;
  readonly electionTicks: number;
  /** A frame's time under way, ms. */
  readonly networkMinMs: number;
  readonly networkMaxMs: number;
  /** Longest operation of the log's disk and of the row engine, ms. */
  readonly diskMaxMs: number;
  readonly engineMaxMs: number;
  /** Of the Raft log: small ones make snapshots and recycled segments common. */
  readonly segmentBytes: number;
  readonly keepBytes: number;
  readonly catchUpBytesMax: number;
  /** As in the program: never less than the largest row, which could not be read. */
  readonly cacheBytes: number;
  readonly layerBytesMax: number;
  readonly clients: number;
  /** Names in use at one time; few of them make conflicts. */
  readonly keys: number;
  /** Operations on one name before a fresh one takes its place: bounds the checker's work. */
  readonly operationsPerKey: number;
  readonly valueBytesMax: number;
  /** Mean pause of a client between operations, ms. */
  readonly thinkMs: number;
  /** Chance that a read is an eventual one. */
  readonly eventualChance: number;
  readonly workloads: readonly WorkloadKind[];
  /** Tables made, used and dropped meanwhile. */
  readonly tables: boolean;
  /** How long anything goes, simulated ms. */
  readonly chaosMs: number;
  /** All must serve again this long after everything is whole, simulated ms. */
  readonly healMs: number;
  readonly faults: readonly FaultKind[];
  /** Mean time between two faults, ms. */
  readonly faultGapMs: number;
  /** Longest time that one fault lasts, ms. */
  readonly faultMaxMs: number;
  /** Members come and go; undefined: they stay. */
  readonly churn?: ChurnOptions | undefined;
  /** In the end, once it has healed: the system group loses its majority for a while. */
  readonly systemAway: boolean;
  /** In the end: a shard is given an entry that it cannot apply. */
  readonly poison: boolean;
}

/**
 * Fields to set by hand, whatever the seed says. Of `churn` only some: the rest is as the seed
 * would have it, were it one of those with churn; true, false: with or without it.
 */
export type SwarmOverrides = Partial<Omit<SwarmOptions, 'churn'>> & {
  readonly churn?: boolean | Partial<ChurnOptions>;
};

const optionsSalt = 0x5_0a44;
const kibibyte = 1024;
/** Of all seeds: those without keep their share of what else goes wrong. */
const churnChance = 0.35;

/** A part of the list in its own order: each element with chance `p`. */
function some<T>(random: Prng, all: readonly T[], p: number): T[] {
  return all.filter(() => random.chance(p));
}

function drawCluster(random: Prng): {
  readonly nodes: number;
  readonly shards: number;
  readonly replicationFactor: number;
} {
  const nodes = random.pick([3, 3, 3, 4, 5, 5, 6, 7]);
  return {
    nodes,
    shards: random.pick([1, 1, 2, 2, 4, 8]),
    replicationFactor: nodes >= 5 && random.chance(0.3) ? 5 : 3,
  };
}

export function drawOptions(seed: number, overrides: SwarmOverrides = {}): SwarmOptions {
  const random = new Prng(seed ^ optionsSalt);
  const cluster = drawCluster(random);
  const clients = 2 + random.below(7);
  const chaosMs = 25_000 + random.below(15_000);
  const operations = 500 + random.below(700);
  const networkMinMs = random.pick([0.1, 0.2, 1, 5]);
  const workloads = some(random, workloadKinds, 0.6);
  const valueBytesMax = random.pick([16, 16, 200, 1_000, 4_000]);
  const drawn: Omit<SwarmOptions, 'systemAway' | 'poison'> = {
    ...cluster,
    tickMs: random.pick([50, 100, 100]),
    electionTicks: random.pick([6, 10, 10]),
    networkMinMs,
    networkMaxMs: networkMinMs * random.pick([1.5, 3, 8]),
    diskMaxMs: random.pick([0.5, 2, 2, 10]),
    engineMaxMs: random.pick([0, 1, 1, 5]),
    segmentBytes: kibibyte * random.pick([16, 32, 64, 256]),
    keepBytes: random.pick([256, 1 * kibibyte, 4 * kibibyte, 256 * kibibyte]),
    catchUpBytesMax: random.pick([1 * kibibyte, 4 * kibibyte, 16 * kibibyte, 1_024 * kibibyte]),
    cacheBytes: random.pick([64 * kibibyte, 256 * kibibyte, 1_024 * kibibyte]),
    layerBytesMax: random.pick([16 * kibibyte, 64 * kibibyte, 1_024 * kibibyte]),
    clients,
    keys: 1 + random.below(10),
    operationsPerKey: 20 + random.below(60),
    valueBytesMax,
    thinkMs: (clients * chaosMs) / operations,
    eventualChance: random.pick([0, 0.1, 0.4]),
    workloads: workloads.length === 0 ? ['register'] : workloads,
    tables: random.chance(0.3),
    chaosMs,
    healMs: 60_000,
    faults: some(random, faultKinds, 0.35),
    faultGapMs: random.pick([500, 1_500, 1_500, 4_000]),
    faultMaxMs: random.pick([500, 3_000, 3_000, 12_000]),
  };
  const hasChurn = random.chance(churnChance);
  const churn = drawChurn(random);
  const { churn: wanted = hasChurn, ...others } = overrides;
  const trials = { systemAway: random.chance(0.25), poison: random.chance(0.1) };
  return {
    ...drawn,
    ...trials,
    ...others,
    ...(wanted === false ? {} : { churn: { ...churn, ...(wanted === true ? {} : wanted) } }),
  };
}
