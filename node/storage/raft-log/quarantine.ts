/**
 * The note that makes a quarantine outlive the process: a file beside the segments, synced, which
 * every later open reads first. A store that failed a sync, or lost what had been durable, may have
 * forgotten a vote or an acknowledgement; starting it again does not bring them back (P7, P11).
 */
import { DynakvError, messageOf } from '../../lib/errors.ts';
import type { Disk } from '../../sys/disk.ts';
import type { Logger } from '../../sys/log.ts';

const noteName = 'QUARANTINED';
const noteBytesMax = 4096;

export const remedy =
  'its replicas may have forgotten votes or acknowledged writes, so it never serves again. ' +
  'Keep the files for inquiry; remove this node from the cluster and start it with an empty data ' +
  'folder as a new node; the only copy of a one-node cluster is restored from a backup';

export function quarantined(directory: string, reason: string, cause?: unknown): DynakvError {
  return new DynakvError(
    'Quarantined',
    `Cannot use the raft log in "${directory}" as it is quarantined: ${reason}; ${remedy}`,
    { directory, reason },
    cause,
  );
}

/** Why the log is quarantined; undefined if it is not. */
export async function readQuarantine(disk: Disk, directory: string): Promise<string | undefined> {
  const path = `${directory}/${noteName}`;
  if (!(await disk.exists(path))) {
    return undefined;
  }
  const file = await disk.open(path, 'read');
  try {
    const bytes = Buffer.alloc(noteBytesMax);
    const count = await file.read(bytes, 0, bytes.length, 0);
    const text = bytes.toString('utf8', 0, count).split('\0', 1)[0]?.trim();
    return text === undefined || text === '' ? 'the reason could not be noted' : text;
  } finally {
    await file.close();
  }
}

/** Notes the quarantine as well as the failing disk lets it; never throws. */
export async function writeQuarantine(
  disk: Disk,
  directory: string,
  reason: string,
  logger: Logger,
): Promise<void> {
  const path = `${directory}/${noteName}`;
  try {
    if (await disk.exists(path)) {
      return;
    }
    const file = await disk.open(path, 'create');
    try {
      await disk.syncDirectory(directory);
      await file.write(Buffer.from(`${reason}\n`.slice(0, noteBytesMax), 'utf8'), 0);
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch (error) {
    logger.error('Raft log: the quarantine could not be noted on disk', {
      directory,
      reason,
      error: messageOf(error),
    });
  }
}
