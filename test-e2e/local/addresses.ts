/**
 * Where the local cluster listens. Test ranges only (RFC 5737 and RFC 2544), never a private range,
 * so nothing that a machine really talks to is touched. Addresses of 192.0.2.0/24 are put on `lo`
 * one by one; pods and Services are routed on this host alone. Ports on loopback: 24000–24999.
 */

/** The API server. */
export const apiAddress = '192.0.2.10';
export const apiPort = 24_443;
/** The cluster's name server: a host process. */
export const dnsAddress = '192.0.2.53';

/** Each kubelet has an address of its own, so all use the usual port. */
export const kubeletPort = 10_250;

export const podRange = '198.18.0.0/16';
export const serviceRange = '198.19.0.0/16';
/** The Service `kubernetes`: the API server as pods see it. */
export const apiServiceAddress = '198.19.0.1';

/** Ports on 127.0.0.1. */
export const loopbackPorts = {
  etcdClient: 24_379,
  etcdPeer: 24_380,
  controllerManager: 24_257,
  scheduler: 24_259,
  proxyHealth: 24_256,
  proxyMetrics: 24_249,
  dnsHealth: 24_080,
  dnsReady: 24_081,
} as const;

/** What one kubelet is known by. Zones are one node each, as many as there are nodes. */
export interface NodeAddress {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  /** The /24 of its pods. */
  readonly podRange: string;
  /** Port of its liveness on 127.0.0.1. */
  readonly healthPort: number;
}

export const nodesMax = 3;

/** Nodes `node-1` … in zones `zone-a` …. */
export function nodeAddresses(count: number): readonly NodeAddress[] {
  if (!Number.isInteger(count) || count < 1 || count > nodesMax) {
    throw new Error(`Cannot start ${count} nodes: 1 to ${nodesMax} fit on one host`);
  }
  return ['a', 'b', 'c'].slice(0, count).map((letter, index) => ({
    name: `node-${index + 1}`,
    zone: `zone-${letter}`,
    address: `192.0.2.${11 + index}`,
    podRange: `198.18.${index + 1}.0/24`,
    healthPort: 24_248 - index * 2,
  }));
}
