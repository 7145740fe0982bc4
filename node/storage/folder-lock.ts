/**
 * The lock on a data folder: a listening socket in Linux's abstract namespace, named by the
 * folder's device and inode. The kernel drops it with the process, however that ends, so there
 * is no file that could go stale; two paths to one folder are one name.
 *
 * It does not reach over network namespaces: two containers that share a volume both get it.
 * There RocksDB's own lock (fcntl on its LOCK file, also dropped with the process) refuses the
 * second one. This lock comes first because it needs no file: a refused opener touches nothing,
 * not even the parts of the folder that RocksDB does not guard.
 */
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { FolderLock } from './data-folder.ts';

export const socketFolderLock: FolderLock = {
  async acquire(path: string): Promise<(() => Promise<void>) | undefined> {
    const { dev, ino } = await stat(path, { bigint: true });
    return await listen(`\0dynakv-data-folder-${dev}-${ino}`);
  },
};

/** Undefined if somebody listens there. */
function listen(name: string): Promise<(() => Promise<void>) | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => {
      connection.destroy();
    });
    const release = (): Promise<void> =>
      new Promise((released) => {
        server.close(() => {
          released();
        });
      });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        resolve(undefined);
      } else {
        reject(error);
      }
    });
    server.listen(name, () => {
      server.unref();
      resolve(release);
    });
  });
}
