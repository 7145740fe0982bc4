/**
 * Clients that only read, eventually consistent, and mostly of one node: what a follower answers
 * from its own memory. Judged in the end by what was ever written.
 */
import type { Prng } from '../lib/prng.ts';
import type { SimCluster } from './cluster.ts';
import type { History } from './history.ts';
import { kvTarget, kvValue } from './register-clients.ts';
import { EventualReads } from './swarm/eventual-reads.ts';

const callMs = 5_000;
/** Between two reads of a client, ms. */
const pauseMsMax = 10;

export class EventualClients {
  readonly #cluster: SimCluster;
  readonly #random: Prng;
  readonly #keys: readonly string[];
  readonly #reads = new EventualReads();
  #running = true;

  constructor(cluster: SimCluster, random: Prng, keys: readonly string[]) {
    this.#cluster = cluster;
    this.#random = random;
    this.#keys = keys;
  }

  start(count: number): void {
    for (let client = 1; client <= count; client++) {
      this.#next();
    }
  }

  stop(): void {
    this.#running = false;
  }

  /** The first read that no write of the history explains, as a sentence. */
  problem(history: History): string | undefined {
    return this.#reads.problem(history.operations());
  }

  #next(): void {
    if (this.#running) {
      this.#cluster.scheduler.after(this.#random.below(pauseMsMax), () => {
        this.#read();
      });
    }
  }

  #read(): void {
    const nodeId = this.#random.pick(this.#cluster.nodeIds);
    const key = this.#random.pick(this.#keys);
    const core = this.#cluster.core(nodeId);
    if (core === undefined) {
      this.#next();
      return;
    }
    const { scheduler } = this.#cluster;
    const deadlineMs = scheduler.nowMs + callMs;
    let isOver = false;
    const goOn = (): void => {
      if (!isOver) {
        isOver = true;
        this.#next();
      }
    };
    scheduler.after(callMs, goOn); // A node that died never answers.
    core.router
      .execute({ ...kvTarget(key), kind: 'get', consistent: false }, { deadlineMs, requestId: 'e' })
      .then((reply) => {
        if (reply.kind === 'got' && reply.found !== undefined) {
          this.#reads.add(nodeId, key, kvValue(reply.found.item), reply.found.version);
        }
        goOn();
      }, goOn); // Refusals are an answer: only what was read is judged.
  }
}
