/**
 * One seed from its birth to its verdict: a cluster of real code drawn from the seed, clients and
 * faults on it (anything goes), then everything is made whole and it must serve again within a
 * bound; then what clients were told is judged, and what the replicas hold.
 *
 * Invariant: a report depends on the seed, the overrides and the code alone. It never throws: an
 * error of the code under test is a failure of the seed.
 */
import { AssertionError } from '../../lib/assert.ts';
import { messageOf } from '../../lib/errors.ts';
import { Prng } from '../../lib/prng.ts';
import type { NodeId } from '../../sys/network.ts';
import { checkLinearizable } from '../checkers/linearizability.ts';
import { SimCluster } from '../cluster.ts';
import { History } from '../history.ts';
import { StepChecks } from '../invariants/step-checks.ts';
import { Violation } from '../invariants/violation.ts';
import type { Operation } from '../history.ts';
import { EventLog } from './event-log.ts';
import { EventualReads } from './eventual-reads.ts';
import { FaultInjector } from './fault-injector.ts';
import * as finalChecks from './final-checks.ts';
import { finalReads, probeEverywhere } from './final-reads.ts';
import { LastTrials } from './last-trials.ts';
import { MembershipChurn } from './membership-churn.ts';
import { OperatorDesk } from './operator-desk.ts';
import { PlacementChecks } from './placement-checks.ts';
import { storeKinds } from './store-faults.ts';
import { SwarmClients } from './swarm-clients.ts';
import type { SwarmOptions, SwarmOverrides } from './swarm-options.ts';
import { drawOptions } from './swarm-options.ts';
import { TableWorkload, tableNames } from './table-workload.ts';
import { forbidWorld } from './world-guard.ts';

/** Which promise was broken. */
export type FailureKind =
  /** Something is wrong for good: data, order, an answer. */
  | 'safety'
  /** It did not serve again in time. */
  | 'liveness'
  /** The code under test threw where nothing may throw. */
  | 'crash';

export interface SeedFailure {
  readonly kind: FailureKind;
  /** The check that failed. */
  readonly check: string;
  readonly message: string;
}

/** A run without what clients were told. */
export interface SeedResult {
  readonly seed: number;
  readonly options: SwarmOptions;
  /** Undefined: the seed passed. */
  readonly failure: SeedFailure | undefined;
  /** SHA-256 of the whole event log. */
  readonly digest: string;
  readonly events: number;
  /** The last lines of the event log. */
  readonly lastEvents: readonly string[];
  readonly simulatedMs: number;
  /** Callbacks of the simulation. */
  readonly steps: number;
  /** Client operations that ended, by outcome. */
  readonly operations: Readonly<Record<string, number>>;
}

export interface SeedReport extends SeedResult {
  /** What the clients were told, for other checkers. */
  readonly history: readonly Operation[];
}

export interface RunOptions {
  /** Hears every line of the event log. */
  readonly onEvent?: (line: string) => void;
}

/** Ends a run with a verdict. */
class Failed extends Error {
  readonly failure: SeedFailure;

  constructor(kind: FailureKind, check: string, message: string) {
    super(message);
    this.failure = { kind, check, message };
  }
}

const checkPeriodMs = 500;
/** All rows are looked at each so many periods. */
const rowCheckPeriods = 8;
const restMs = 30_000;
/** Clients go on for this long after everything is whole. */
const calmMs = 3_000;
const checkerStepsMax = 2_000_000;
/** The plan must come to rest within this time, simulated ms: nodes must be steady before. */
const planMs = 240_000;
/** It is at rest once it has been so for this long: a plan is made anew every few seconds. */
const planRestMs = 7_000;
const zoneNames = 'abcdefgh';
const clusterSalt = 0x0c1_57e4;
const trialSalt = 0x7_12a1;

class SeedRun {
  readonly options: SwarmOptions;
  readonly cluster: SimCluster;
  readonly log: EventLog;
  readonly history = new History();
  readonly eventual = new EventualReads();
  readonly clients: SwarmClients;
  readonly tables: TableWorkload;
  readonly injector: FaultInjector;
  readonly checks: StepChecks;
  readonly churn: MembershipChurn | undefined;
  readonly trials: LastTrials;
  readonly random: Prng;
  /** A promise of the code under test that was rejected and nobody caught. */
  unheard: unknown;
  #periods = 0;

  constructor(seed: number, options: SwarmOptions) {
    this.options = options;
    this.random = new Prng(seed);
    this.cluster = new SimCluster({
      seed: this.random.uint32() ^ clusterSalt,
      nodes: options.nodes,
      shards: options.shards,
      compaction: { keepBytes: options.keepBytes, catchUpBytesMax: options.catchUpBytesMax },
      tuning: options,
      hellos: true,
      zoneOf: (nodeId) => zoneOf(nodeId, options),
    });
    const { cluster, history, eventual } = this;
    cluster.network.options = {
      ...cluster.network.options,
      delayMinMs: options.networkMinMs,
      delayMaxMs: options.networkMaxMs,
    };
    this.log = new EventLog(() => cluster.scheduler.nowMs);
    const { log } = this;
    const checks = new StepChecks(cluster);
    this.checks = checks;
    const next = (): Prng => new Prng(this.random.uint32());
    this.clients = new SwarmClients({
      ...{ cluster, options, log, history, eventual, checks, random: next() },
      tableNames: options.tables ? tableNames : [],
    });
    this.tables = new TableWorkload({ cluster, log, random: next() });
    const injector = new FaultInjector({ cluster, options, log, checks, random: next() });
    this.injector = injector;
    const { churn } = options;
    if (churn !== undefined) {
      const desk = new OperatorDesk(cluster, next());
      const parts = { cluster, options, churn, log, injector, desk, random: next() };
      this.churn = new MembershipChurn(parts);
    }
    this.trials = new LastTrials({
      ...{ cluster, log, shards: options.shards, random: new Prng(seed ^ trialSalt) },
      bring: (nodeId) => {
        injector.bring(nodeId);
      },
    });
  }

  async run(): Promise<void> {
    const { cluster, options, log, clients, tables, injector, churn } = this;
    this.checks.watch();
    await cluster.start();
    log.note(0, 'start', `${options.nodes} nodes, ${options.shards} shards`);
    clients.start();
    if (options.tables) {
      tables.start();
    }
    injector.start();
    churn?.start();
    await this.#pass(options.chaosMs);
    injector.heal();
    churn?.finish();
    await this.#demand('ready', () => this.#isReady(), options.healMs);
    await this.#pass(calmMs);
    tables.stop();
    clients.stop();
    await this.#demand('answers', () => clients.underWay === 0, restMs);
    for (const nodeId of injector.stores.lost.keys()) {
      cluster.crash(nodeId, false); // It had its chance to do harm.
    }
    if (churn !== undefined) {
      await this.#comesToRest(churn);
    }
    if (options.systemAway && this.#isWhole) {
      this.#judge('system-away', await this.trials.systemAway());
      await this.#demand('ready', () => this.#isReady(), options.healMs);
    }
    await this.#serves();
    this.#judgeHistory();
    await this.#demand('rest', () => finalChecks.isQuiet(cluster), restMs);
    this.#judgeStep();
    this.checks.checkAllRows();
    this.checks.checkAllMemory();
    this.#judge('replicas', finalChecks.replicaProblem(cluster));
    // Segments of the log are let go of in the background.
    const leftovers = (): string | undefined => finalChecks.leftoverProblem(cluster, options);
    await cluster.scheduler.runUntil(() => leftovers() === undefined, restMs);
    this.#judge('leftovers', leftovers());
    this.#judge('queues', finalChecks.queueProblem(cluster));
    if (options.poison && this.#isWhole) {
      this.#judge('poison', await this.trials.poison());
      this.#judgeStep();
    }
    log.note(0, 'passed', JSON.stringify(clients.counts));
  }

  /** Lets time pass; looks for what may never be now and then. */
  async #pass(durationMs: number): Promise<void> {
    const untilMs = this.cluster.scheduler.nowMs + durationMs;
    while (this.cluster.scheduler.nowMs < untilMs) {
      const leftMs = untilMs - this.cluster.scheduler.nowMs;
      await this.cluster.scheduler.runFor(Math.min(checkPeriodMs, leftMs));
      this.#judgeStep();
      this.#periods += 1;
      if (this.#periods % rowCheckPeriods === 0) {
        this.checks.checkAllRows();
      }
    }
  }

  async #demand(what: string, holds: () => boolean, limitMs: number): Promise<void> {
    const isSo = await this.cluster.scheduler.runUntil(holds, limitMs);
    this.#judgeStep();
    if (!isSo) {
      throw new Failed('liveness', what, `It did not come to be within ${limitMs} ms: ${what}`);
    }
    this.log.note(0, what);
  }

  /** No store fault is left that may still cost a node. */
  get #isWhole(): boolean {
    return ![...this.injector.counts.keys()].some((kind) => storeKinds.has(kind));
  }

  #isReady(): boolean {
    const { injector, cluster } = this;
    const { lost, isOver } = injector.stores;
    return (
      isOver &&
      cluster.nodeIds.every(
        (nodeId) =>
          lost.has(nodeId) ||
          injector.retired.has(nodeId) ||
          cluster.core(nodeId)?.groupsReady === true ||
          this.churn?.isRemoved(nodeId) === true,
      )
    );
  }

  /** Nobody holds movement up any more: it ends, and everything lies where it was promised to. */
  async #comesToRest(churn: MembershipChurn): Promise<void> {
    const { cluster, injector } = this;
    await this.#demand('operator', () => churn.isFinished, this.options.healMs);
    for (const nodeId of cluster.nodeIds) {
      if (churn.isRemoved(nodeId)) {
        injector.retire(nodeId); // It may not have heard of it.
      }
    }
    const placement = new PlacementChecks(cluster, injector.stores.lost);
    const untilMs = cluster.scheduler.nowMs + planMs;
    let restedMs = 0;
    let unrest: string | undefined;
    while (restedMs < planRestMs) {
      if (cluster.scheduler.nowMs > untilMs) {
        throw new Failed('liveness', 'plan', `Movement has no end within ${planMs} ms: ${unrest}`);
      }
      await this.#pass(checkPeriodMs);
      unrest = placement.unrest();
      restedMs = unrest === undefined ? restedMs + checkPeriodMs : 0;
    }
    this.log.note(0, 'rests');
    this.#judge('placement', placement.problem());
  }

  /** Every shard takes writes through every node, and everything ever acknowledged is there. */
  async #serves(): Promise<void> {
    const { cluster, history, random } = this;
    const asked = { cluster, lost: this.injector.stores.lost };
    const problem =
      (await probeEverywhere(asked, this.options)) ??
      (await finalReads(asked, history, new Prng(random.uint32())));
    if (problem !== undefined) {
      throw new Failed('liveness', 'serves', problem);
    }
  }

  #judgeStep(): void {
    const { cluster, injector, tables } = this;
    this.#judge('stopped', finalChecks.stoppedProblem(cluster, this.trials.poisoned));
    this.#judge('store', injector.stores.unexpected);
    const refused = injector.refusals[0];
    if (refused !== undefined) {
      const message = `Node ${refused.nodeId} would not start: ${messageOf(refused.error)}`;
      throw new Failed('safety', 'boot', message);
    }
    if (this.unheard !== undefined) {
      throw new Failed('crash', 'rejection', messageOf(this.unheard));
    }
    if (this.churn?.broken !== undefined) {
      throw new Failed('crash', 'churn', messageOf(this.churn.broken));
    }
    if (tables.broken !== undefined) {
      throw new Failed('crash', 'tables', messageOf(tables.broken));
    }
  }

  #judgeHistory(): void {
    const operations = this.history.operations();
    this.#judge('eventual', this.eventual.problem(operations));
    const verdict = checkLinearizable(operations, { stepsMax: checkerStepsMax });
    if (verdict.kind !== 'linearizable') {
      const message = `${verdict.kind} of key "${verdict.key}": ${verdict.explanation}`;
      throw new Failed('safety', 'linearizable', message);
    }
  }

  #judge(check: string, problem: string | undefined): void {
    if (problem !== undefined) {
      throw new Failed('safety', check, problem);
    }
  }
}

function zoneOf(nodeId: NodeId, { churn }: SwarmOptions): string | undefined {
  const zones = churn?.zones ?? 0;
  return zones === 0 ? undefined : zoneNames.charAt((nodeId - 1) % zones);
}

function failureOf(error: unknown): SeedFailure {
  if (error instanceof Failed) {
    return error.failure;
  }
  if (error instanceof Violation) {
    return { kind: 'safety', check: error.check, message: error.message };
  }
  const stack = (error as { readonly stack?: string } | undefined)?.stack;
  const check = error instanceof AssertionError ? 'assert' : 'throws';
  return { kind: 'crash', check, message: stack ?? messageOf(error) };
}

export async function runSeed(
  seed: number,
  overrides: SwarmOverrides = {},
  { onEvent }: RunOptions = {},
): Promise<SeedReport> {
  const options = drawOptions(seed, overrides);
  const run = new SeedRun(seed, options);
  run.log.listener = onEvent;
  let failure: SeedFailure | undefined;
  const unheard = (error: unknown): void => {
    run.unheard ??= error;
  };
  process.on('unhandledRejection', unheard);
  const allowWorld = forbidWorld();
  try {
    await run.run();
  } catch (error) {
    failure = failureOf(error);
    run.log.note(0, 'FAILED', `${failure.kind} ${failure.check}`);
  } finally {
    allowWorld();
    process.off('unhandledRejection', unheard);
  }
  return {
    ...{ seed, options, failure },
    digest: run.log.digest(),
    events: run.log.count,
    lastEvents: run.log.lastLines,
    simulatedMs: run.cluster.scheduler.nowMs,
    steps: run.cluster.scheduler.steps,
    operations: { ...run.clients.counts },
    history: run.history.operations(),
  };
}
