/**
 * Goal: a person can follow a move by the lines that the nodes write, from the wish to the rows let
 * go. Method: one move by hand on a quiet simulated cluster, every line of it against a text;
 * figures that depend on timing alone are left out.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { LogFields, Logger } from '../sys/log.ts';
import { ManagedCluster } from './managed-cluster.ts';
import { Acked, compaction, testMs } from './testing-scenarios.ts';

/** What a line says beside its message; times, terms and sizes differ with the machine's luck. */
const shown = [
  ...['move', 'group', 'replica', 'from', 'to', 'what', 'by', 'why'],
  ...['voters', 'votersOutgoing', 'learners'],
];

/** Keeps lines as text: who, what, about what. */
class Lines implements Logger {
  readonly lines: string[];
  readonly #fields: LogFields;

  constructor(lines: string[] = [], fields: LogFields = {}) {
    [this.lines, this.#fields] = [lines, fields];
  }

  child(fields: LogFields): Logger {
    return new Lines(this.lines, { ...this.#fields, ...fields });
  }

  info(message: string, fields: LogFields = {}): void {
    const all: Readonly<Record<string, unknown>> = { ...this.#fields, ...fields };
    const facts = shown.flatMap((name) => {
      const value = all[name];
      const text = Array.isArray(value)
        ? value.join(',')
        : value === undefined
          ? ''
          : `${value as string}`;
      return text === '' ? [] : [`${name}=${text}`];
    });
    const text = facts.join(' ');
    this.lines.push(`n${String(all['node'])} ${message}${text === '' ? '' : `: ${text}`}`);
  }

  debug(): void {
    // Not for people who follow a move.
  }

  warn(message: string, fields: LogFields = {}): void {
    this.info(`WARN ${message}`, fields);
  }

  error(message: string, fields: LogFields = {}): void {
    this.info(`ERROR ${message}`, fields);
  }
}

/** What every member says of the same change is said once. */
function merged(lines: readonly string[]): string[] {
  const seen = new Set<string>();
  return lines.filter((line) => {
    const fact = line.includes('Configuration changed') ? line.replace(/^n\d+ /, '') : undefined;
    const isNews = fact === undefined || !seen.has(fact);
    seen.add(fact ?? line);
    return isNews;
  });
}

test(
  'a move can be followed by its log lines',
  async () => {
    const logger = new Lines();
    const cluster = new ManagedCluster({ seed: 620, nodes: 4, shards: 2, compaction, logger });
    cluster.sim.network.options = { ...cluster.sim.network.options, delayMaxMs: 20 };
    await cluster.sim.start();
    await new Acked().fill(cluster.sim, 1, 8, 2_000);
    await cluster.settle();
    const groupId = 1;
    const held = cluster.held(groupId);
    const from = held?.leader ?? 0;
    const to = cluster.sim.nodeIds.find((nodeId) => held?.voters.includes(nodeId) !== true) ?? 0;
    logger.lines.length = 0;
    const fence = { controlEpoch: 0, expectedRevision: cluster.catalog.plan.revision };
    await cluster.admin({ verb: 'moveReplica', groupId, from, to, fence });
    await cluster.until('it has moved', () => cluster.held(groupId)?.voters.includes(to) === true);
    await cluster.until('the plan is done', () => cluster.isSettled());
    await cluster.sim.scheduler.runFor(3_000);
    const path = new URL('testdata/move-log.txt', import.meta.url);
    const text = `${merged(logger.lines).join('\n')}\n`;
    if (process.env['REWRITE'] === '1') {
      writeFileSync(path, text);
    }
    expect(text).toBe(readFileSync(path, 'utf8'));
  },
  testMs,
);
