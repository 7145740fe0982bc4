/**
 * Simulated time: one queue of events for a whole cluster, and a view of it for each node.
 *
 * `SimScheduler` owns the queue and the run loop. A *turn* is everything due at one instant, in
 * the order (time, sequence), then the end-of-turn callbacks asked for meanwhile; promises settle
 * after every callback, as they do in Node's own loop. Time moves only when nothing is due.
 * `SimTime` is what a node gets as `Clock` and `Timers`; it can be paused (SIGSTOP) and stopped
 * (a crash: nothing of it runs ever again).
 *
 * Invariant: the order of callbacks depends on the calls made and on nothing else. The only real
 * thing used is `setImmediate`, to let pending promises settle; nothing waits for real time.
 */
import { setImmediate as nodeSetImmediate } from 'node:timers';
import { setImmediate as nodeYield } from 'node:timers/promises';

import { assert, must } from '../lib/assert.ts';
import type { Clock, Timer, Timers } from '../sys/clock.ts';

/** Kept from before a run forbids them to everybody else. */
const realSetImmediate = nodeSetImmediate;
const yieldToLoop = nodeYield;
/** Turns at one instant beyond which the code under test is taken to be spinning. */
const turnsPerInstantMax = 100_000;
/** Wall time at simulated time zero: 2026-01-01T00:00:00Z. */
const wallEpochMs = 1_767_225_600_000;

/** Something to happen at a moment; its own handle for cancelling it. */
class SimEvent implements Timer {
  readonly atMs: number;
  readonly sequence: number;
  /** Whose it is; undefined: nobody's, it always runs. */
  readonly time: SimTime | undefined;
  callback: (() => void) | undefined;

  constructor(atMs: number, sequence: number, callback: () => void, time: SimTime | undefined) {
    this.atMs = atMs;
    this.sequence = sequence;
    this.callback = callback;
    this.time = time;
  }

  cancel(): void {
    this.callback = undefined;
  }
}

function isBefore(one: SimEvent, other: SimEvent): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.sequence < other.sequence);
}

/** A binary heap of events, earliest first. */
class EventHeap {
  readonly #events: SimEvent[] = [];

  get size(): number {
    return this.#events.length;
  }

  peek(): SimEvent | undefined {
    return this.#events[0];
  }

  push(event: SimEvent): void {
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = must(events[parentAt]);
      if (!isBefore(event, parent)) {
        break;
      }
      events[at] = parent;
      at = parentAt;
    }
    events[at] = event;
  }

  pop(): SimEvent | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined || events.length === 0) {
      return first;
    }
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = events[childAt];
      if (child === undefined) {
        break;
      }
      const right = events[childAt + 1];
      if (right !== undefined && isBefore(right, child)) {
        childAt += 1;
        child = right;
      }
      if (!isBefore(child, last)) {
        break;
      }
      events[at] = child;
      at = childAt;
    }
    events[at] = last;
    return first;
  }
}

/** What falls due: an event, or a callback asked for at the end of the turn. */
interface Due {
  /** Undefined: cancelled. */
  readonly callback: (() => void) | undefined;
  readonly time: SimTime | undefined;
}

/** Called when a step of a node's code and all promises that it settled are done. */
export type StepObserver = (owner: number) => void;

export class SimScheduler {
  readonly #heap = new EventHeap();
  #endOfTurn: Due[] = [];
  #sequence = 0;
  #nowMs = 0;
  #running = false;
  /** Callbacks run so far. */
  steps = 0;
  /** Looks at what each step of a node's code did. */
  observer: StepObserver | undefined;

  /** Simulated milliseconds since the start. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events waiting, cancelled ones included until their time. */
  get pendingEvents(): number {
    return this.#heap.size + this.#endOfTurn.length;
  }

  after(delayMs: number, callback: () => void, time?: SimTime): Timer {
    assert(delayMs >= 0, 'A delay must not be negative');
    const event = new SimEvent(this.#nowMs + delayMs, this.#sequence, callback, time);
    this.#sequence += 1;
    this.#heap.push(event);
    return event;
  }

  endOfTurn(callback: () => void, time?: SimTime): void {
    this.#endOfTurn.push({ callback, time });
  }

  /** A node's view of this time. */
  openTime(options: SimTimeOptions = {}): SimTime {
    return new SimTime(this, options);
  }

  /** Runs everything due within the next `durationMs`; the clock then stands at that moment. */
  async runFor(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await this.#run(untilMs, () => false);
    this.#nowMs = untilMs;
  }

  /**
   * Runs until `condition` holds (looked at after every turn), at most `limitMs` of simulated
   * time. Returns whether it came to hold.
   */
  async runUntil(condition: () => boolean, limitMs: number): Promise<boolean> {
    const untilMs = this.#nowMs + limitMs;
    await yieldToLoop();
    const held = condition() || (await this.#run(untilMs, condition));
    if (!held) {
      this.#nowMs = untilMs;
    }
    return held;
  }

  async #run(untilMs: number, condition: () => boolean): Promise<boolean> {
    assert(!this.#running, 'The simulation is already running');
    this.#running = true;
    try {
      await yieldToLoop();
      return await new Promise<boolean>((resolve, reject) => {
        runInImmediates(this.#steps(untilMs, condition), resolve, reject);
      });
    } finally {
      this.#running = false;
    }
  }

  /** Runs one callback each time it is resumed; ends with whether `condition` came to hold. */
  *#steps(untilMs: number, condition: () => boolean): Generator<undefined, boolean> {
    let turnsHere = 0;
    for (;;) {
      const nextMs = this.#endOfTurn.length > 0 ? this.#nowMs : this.#nextEventMs();
      if (nextMs === undefined || nextMs > untilMs) {
        return false;
      }
      turnsHere = nextMs === this.#nowMs ? turnsHere + 1 : 0;
      assert(turnsHere < turnsPerInstantMax, `Time stands still at ${this.#nowMs} ms`);
      this.#nowMs = nextMs;
      yield* this.#turn();
      if (condition()) {
        return true;
      }
    }
  }

  #nextEventMs(): number | undefined {
    for (;;) {
      const event = this.#heap.peek();
      if (event === undefined || event.callback !== undefined) {
        return event?.atMs;
      }
      this.#heap.pop();
    }
  }

  /** Events queued during the turn wait for the next one, even if due at the same instant. */
  *#turn(): Generator<undefined, void> {
    const firstOfNextTurn = this.#sequence;
    for (;;) {
      const event = this.#heap.peek();
      if (
        event === undefined ||
        event.atMs > this.#nowMs ||
        (event.sequence >= firstOfNextTurn && event.callback !== undefined)
      ) {
        break;
      }
      this.#heap.pop();
      if (event.callback !== undefined) {
        this.#perform(event);
        yield;
        this.observer?.(event.time?.owner ?? 0);
      }
    }
    const callbacks = this.#endOfTurn;
    this.#endOfTurn = [];
    for (const due of callbacks) {
      this.#perform(due);
      yield;
      this.observer?.(due.time?.owner ?? 0);
    }
  }

  #perform(due: Due): void {
    this.steps += 1;
    if (due.time === undefined) {
      due.callback?.();
    } else {
      due.time.perform(due);
    }
  }
}

/** Immediates asked for at a time: a round of the real event loop for each step is slow. */
const immediatesPerRound = 256;

/** Resumes `steps` once in each immediate: Node settles all promises between two of them. */
function runInImmediates(
  steps: Generator<undefined, boolean>,
  resolve: (result: boolean) => void,
  reject: (error: unknown) => void,
): void {
  let isOver = false;
  let left = 0;
  const step = (): void => {
    left -= 1;
    if (isOver) {
      return;
    }
    try {
      const { done, value } = steps.next();
      if (done === true) {
        isOver = true;
        resolve(value);
        return;
      }
    } catch (error) {
      isOver = true;
      reject(error);
      return;
    }
    if (left === 0) {
      round();
    }
  };
  const round = (): void => {
    left = immediatesPerRound;
    for (let i = 0; i < immediatesPerRound; i++) {
      realSetImmediate(step);
    }
  };
  round();
}

export interface SimTimeOptions {
  /** How far this node's wall clock is off, ms. */
  readonly wallSkewMs?: number;
  /** The node's id, for who observes its steps; 0 (the default) is nobody. */
  readonly owner?: number;
}

/** A node's clock and timers. */
export class SimTime implements Clock, Timers {
  readonly owner: number;
  readonly #scheduler: SimScheduler;
  #wallSkewMs: number;
  #paused = false;
  #stopped = false;
  #held: Due[] = [];

  constructor(scheduler: SimScheduler, options: SimTimeOptions) {
    this.#scheduler = scheduler;
    this.owner = options.owner ?? 0;
    this.#wallSkewMs = options.wallSkewMs ?? 0;
  }

  /** Its process is gone. */
  get stopped(): boolean {
    return this.#stopped;
  }

  get paused(): boolean {
    return this.#paused;
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs;
  }

  wallMs(): number {
    return wallEpochMs + this.#scheduler.nowMs + this.#wallSkewMs;
  }

  /** Makes the wall clock jump. */
  setWallSkew(skewMs: number): void {
    this.#wallSkewMs = skewMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#scheduler.after(Math.max(0, delayMs), callback, this);
  }

  every(periodMs: number, callback: () => void): Timer {
    assert(periodMs > 0, 'A period must be positive');
    let cancelled = false;
    let timer: Timer;
    const beat = (): void => {
      timer = this.after(periodMs, beat);
      callback();
    };
    timer = this.after(periodMs, () => {
      if (!cancelled) {
        beat();
      }
    });
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  endOfTurn(callback: () => void): void {
    this.#scheduler.endOfTurn(callback, this);
  }

  /** SIGSTOP: what falls due is held, in order. */
  pause(): void {
    this.#paused = true;
  }

  /** SIGCONT: what was held runs at once, in order. */
  resume(): void {
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const due of held) {
      this.#scheduler.after(0, () => due.callback?.(), this);
    }
  }

  /** The process is gone: nothing asked for through this object runs any more. */
  stop(): void {
    this.#stopped = true;
    this.#held = [];
  }

  /** For the scheduler: runs it, holds it back or drops it. */
  perform(due: Due): void {
    if (this.#stopped) {
      return;
    }
    if (this.#paused) {
      this.#held.push(due);
      return;
    }
    due.callback?.();
  }
}
