/**
 * What has to be undone, one JSON line a thing, written before the thing is done (a process: right
 * after, its cgroup having been noted before). The next run, or `make kind-down`, reads it, also
 * after an interruption. It is the only state of the local cluster.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import type { NodeAddress } from './addresses.ts';
import { journalFile, runFolder } from './places.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** How a component is started, kept to start it again. */
export interface Component {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly logFile: string;
}

export interface ClusterRecord {
  readonly kind: 'cluster';
  readonly id: string;
  /** Logs of the components. */
  readonly logFolder: string;
  readonly programs: Readonly<Record<string, string>>;
  readonly nodes: readonly NodeAddress[];
  /** The program that started it. While that runs, nobody else may remove the cluster. */
  readonly starter: ProcessIdentity;
  /** True: it is of one run, and worth nothing after it. False: it stays until told to go. */
  readonly endsWithStarter: boolean;
}

export type JournalRecord =
  | ClusterRecord
  | { readonly kind: 'ready' }
  | { readonly kind: 'process'; readonly component: Component; readonly process: ProcessIdentity }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'sysctl'; readonly file: string; readonly before: string }
  | { readonly kind: 'chains'; readonly before: readonly string[] }
  | { readonly kind: 'namespaces'; readonly before: readonly string[] };

/** Makes the folder of the run, closed to others, and an empty journal. */
export function openJournal(): void {
  mkdirSync(runFolder, { recursive: true, mode: 0o700 });
  appendFileSync(journalFile, '', { mode: 0o600 });
}

export function note(record: JournalRecord): void {
  appendFileSync(journalFile, `${JSON.stringify(record)}\n`);
}

/** All records in order; a line that an interruption cut short is left out. */
export function readJournal(): readonly JournalRecord[] {
  return existsSync(journalFile) ? parseJournal(readFileSync(journalFile, 'utf8')) : [];
}

export function parseJournal(text: string): readonly JournalRecord[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as JournalRecord);
}

/** The latest process of each component. */
export function latestProcesses(
  records: readonly JournalRecord[],
): ReadonlyMap<string, { readonly component: Component; readonly process: ProcessIdentity }> {
  return new Map(
    records
      .filter((record) => record.kind === 'process')
      .map(({ component, process }) => [component.name, { component, process }]),
  );
}
