/**
 * What the verbs need of the program that offers them: how a cluster is found, and a terminal. The
 * command line finds it by a data folder or an address; another program may find it otherwise, and
 * gets the same verbs.
 */
import type { Command } from 'commander';
import type { ClusterCalls } from '../contract/cluster-calls.ts';

/** The options of a verb, as commander gives them. */
export type VerbFlags = Readonly<Record<string, unknown>>;

export interface VerbWorld {
  /** Adds the options by which a cluster is found. */
  readonly addTargetOptions: (command: Command) => void;
  /** The cluster that the options mean; to be closed. Refuses options that cannot be meant. */
  readonly open: (flags: VerbFlags) => ClusterCalls;
  readonly writeOut: (text: string) => void;
  /** Frames may be drawn over each other, in colour. */
  readonly isTerminal: boolean;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/** Opens the cluster for one verb, and closes it again. */
export async function withCluster<T>(
  world: VerbWorld,
  flags: VerbFlags,
  use: (calls: ClusterCalls) => Promise<T>,
): Promise<T> {
  const calls = world.open(flags);
  try {
    return await use(calls);
  } finally {
    calls.close();
  }
}

/** A verb's result: JSON if asked for, else text for people. */
export function show(world: VerbWorld, flags: VerbFlags, data: unknown, text: string): void {
  const isJson = flags['json'] === true;
  world.writeOut(`${isJson ? JSON.stringify(data, null, 2) : text}\n`);
}
