/** What the launcher of a local cluster needs of the world; `main.ts` and tests choose it. */
import type { ConnectControl } from './cluster-control.ts';

export interface LauncherWorld {
  /** Program and first arguments that start `dynakv`. */
  readonly program: readonly [string, ...string[]];
  readonly connect: ConnectControl;
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly newId: () => string;
  /** Stop in order. */
  readonly stop: AbortSignal;
  /** Stop at once: kill. */
  readonly hurry: AbortSignal;
}

/** Between two looks at something that changes by itself. */
export const pollMs = 50;

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
