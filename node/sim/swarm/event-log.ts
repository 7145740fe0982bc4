/**
 * What happened in a run, one line an event in fixed columns: simulated time in ms, node, kind,
 * facts. Keeps the last lines for people and a digest of all of them for comparing runs.
 *
 * Invariant: a line holds nothing but what the seed decides: same seed, same digest.
 */
import { createHash } from 'node:crypto';
import type { NodeId } from '../../sys/network.ts';

/** Lines kept: what led to a failure fits on two screens. */
const linesKept = 80;
const timeColumns = 11;
const nodeColumns = 3;
const kindColumns = 10;

export class EventLog {
  readonly #hash = createHash('sha256');
  readonly #nowMs: () => number;
  /** A ring: the oldest line is overwritten. */
  readonly #lines: string[] = [];
  #count = 0;
  /** Hears every line as it is written. */
  listener: ((line: string) => void) | undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get count(): number {
    return this.#count;
  }

  /** `node` 0: the cluster as a whole. */
  note(node: NodeId, kind: string, facts = ''): void {
    const time = this.#nowMs().toFixed(3).padStart(timeColumns);
    const where = (node === 0 ? '' : `n${node}`).padEnd(nodeColumns);
    const line = `${time} ${where} ${kind.padEnd(kindColumns)} ${facts}`.trimEnd();
    this.#hash.update(line);
    this.#hash.update('\n');
    this.#lines[this.#count % linesKept] = line;
    this.#count += 1;
    this.listener?.(line);
  }

  /** The last lines, oldest first. */
  get lastLines(): readonly string[] {
    const at = this.#count % linesKept;
    return this.#count <= linesKept
      ? [...this.#lines]
      : [...this.#lines.slice(at), ...this.#lines.slice(0, at)];
  }

  /** Of all lines so far. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
