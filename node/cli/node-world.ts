/** The real parts that `main.ts` puts under a node: the one list of what a process touches. */
import type { RocksEngineOptions } from '../storage/rocks-engine.ts';
import type { FolderLock } from '../storage/data-folder.ts';
import type { Clock, Timers } from '../sys/clock.ts';
import type { Disk } from '../sys/disk.ts';
import type { Engine } from '../sys/engine.ts';
import type { Logger } from '../sys/log.ts';
import type { Random } from '../sys/random.ts';

export interface NodeWorld {
  readonly version: string;
  readonly disk: Disk;
  readonly lock: FolderLock;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly openEngine: (options: RocksEngineOptions) => Promise<Engine>;
  /** Set when the process is told to stop. */
  readonly stop: AbortSignal;
}
