/** Whether ports of this machine are free, found out by binding each for a moment. */
import { createServer } from 'node:net';

async function isFree(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') {
        resolve(false);
      } else {
        reject(error);
      }
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** The first of `ports` that something else holds; undefined when all are free. */
export async function findBusyPort(
  host: string,
  ports: readonly number[],
): Promise<number | undefined> {
  for (const port of ports) {
    if (!(await isFree(host, port))) {
      return port;
    }
  }
  return undefined;
}
