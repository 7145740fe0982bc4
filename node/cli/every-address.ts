/**
 * The address that stands for every interface. `::` takes both address families where the machine
 * has the newer one, and cannot be listened on at all where it is switched off: there `0.0.0.0` is
 * meant. One configuration so serves every cluster.
 */
import { createServer } from 'node:net';

interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Errors of a machine without the address family. */
const absentCodes = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL']);

/** Whether a port can be had on every interface of both families. */
async function hasBothFamilies(): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(!absentCodes.has(error.code ?? ''));
    });
    probe.listen({ host: '::', port: 0 }, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}

/** The address to listen on for the one that was asked for. */
export async function listenAddress(
  wanted: ListenAddress,
  canListen: () => Promise<boolean> = hasBothFamilies,
): Promise<ListenAddress> {
  const isEvery = /^[0:]+$/.test(wanted.host) && wanted.host.includes(':');
  return !isEvery || (await canListen()) ? wanted : { ...wanted, host: '0.0.0.0' };
}
