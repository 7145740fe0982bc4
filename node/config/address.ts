/** `host:port` addresses of the options: parsing, and whether one stays on this machine. */

export interface Address {
  readonly host: string;
  readonly port: number;
}

export const portMax = 65_535;

/** `127.0.0.1:8000`, `[::1]:8000` or `node-1.dynakv:7000`; undefined when it is none of these. */
export function parseAddress(text: string): Address | undefined {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  return host === undefined || port > portMax ? undefined : { host, port };
}

export function formatAddress(address: Address): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** True when only this machine can reach it. Names count as remote, but for `localhost`. */
export function isLoopback(address: Address): boolean {
  return (
    address.host === 'localhost' ||
    address.host === '::1' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address.host)
  );
}

/** True for "every interface of this machine": something to listen on, nothing to be reached at. */
export function isWildcard(address: Address): boolean {
  return address.host === '0.0.0.0' || /^[0:]+$/.test(address.host);
}
