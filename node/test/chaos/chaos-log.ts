/**
 * What happened in a chaos run, one line an event, on the terminal and in a file: seconds since the
 * start, turn, what, kind of fault, words. It keeps the spans of faults for the chart.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { say } from '../processes/verdict.ts';
import type { Band } from './time-chart.ts';

export type EventWhat = 'begin' | 'end' | 'note' | 'ready' | 'judged';

export class ChaosLog {
  readonly bands: Band[] = [];
  readonly #descriptor: number;
  readonly #seconds: () => number;
  readonly #open = new Map<string, number>();
  turn = 0;

  constructor(file: string, seconds: () => number) {
    mkdirSync(dirname(file), { recursive: true });
    this.#descriptor = openSync(file, 'w');
    this.#seconds = seconds;
  }

  event(what: EventWhat, kind: string, text: string): void {
    const seconds = this.#seconds();
    const columns = [
      seconds.toFixed(1).padStart(7),
      String(this.turn).padStart(4),
      what.padEnd(6),
      kind.padEnd(6),
      text,
    ];
    const line = columns.join('  ').trimEnd();
    writeSync(this.#descriptor, `${line}\n`);
    say(line);
    const span = `${kind} ${text}`;
    if (what === 'begin') {
      this.#open.set(span, seconds);
    } else if (what === 'end') {
      this.#close(span, kind, seconds);
    }
  }

  /** Faults that are still there end now, for the chart. */
  close(): void {
    for (const span of [...this.#open.keys()]) {
      this.#close(span, span.split(' ')[0] ?? '', this.#seconds());
    }
    closeSync(this.#descriptor);
  }

  #close(span: string, kind: string, toSecond: number): void {
    const fromSecond = this.#open.get(span);
    if (fromSecond !== undefined) {
      this.#open.delete(span);
      this.bands.push({ kind, fromSecond, toSecond });
    }
  }
}
