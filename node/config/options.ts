/**
 * The one table of options of `dynakv node`: flag, environment variable, type, default, bounds,
 * unit, help. Parsing (`parse-options.ts`), the help text and `node/docs/options.md` come from it.
 * It is read by `main.ts` only: each folder declares its own small `Options` type and gets a
 * plain object.
 */
import { gibibyte, kibibyte, mebibyte } from '../lib/units.ts';
import type { Address } from './address.ts';

interface SpecOf<Type extends string, Value> {
  /** `--name` on the command line; the environment variable is `DYNAKV_NAME`. */
  readonly name: string;
  readonly type: Type;
  /** Without one the option is absent unless given. */
  readonly default?: Value;
  readonly help: string;
}

interface NumberSpec<Type extends string> extends SpecOf<Type, number> {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

export type OptionSpec =
  | SpecOf<'text', string>
  | SpecOf<'path', string>
  | SpecOf<'address', Address>
  /** `1=host:port,2=host:port`: node id → address. */
  | SpecOf<'peers', ReadonlyMap<number, Address>>
  | (SpecOf<'flag', boolean> & { readonly default: false })
  | (SpecOf<'choice', string> & { readonly choices: readonly string[] })
  | NumberSpec<'integer'>
  /** Takes `64M` and the like, of 1,024. */
  | NumberSpec<'bytes'>;

const loopback = '127.0.0.1';

export const optionTable = {
  data: {
    name: 'data',
    type: 'path',
    default: '.data/node',
    help: 'Folder of the Raft log and the rows; one process at a time',
  },
  zone: {
    name: 'zone',
    type: 'text',
    default: '',
    help: 'Failure zone of this node; copies of a shard are spread over zones',
  },
  clientListen: {
    name: 'client-listen',
    type: 'address',
    default: { host: loopback, port: 8000 },
    help: 'Address of the DynamoDB API and /key (HTTP)',
  },
  peerListen: {
    name: 'peer-listen',
    type: 'address',
    default: { host: loopback, port: 7000 },
    help: 'Address for the other nodes and the admin API (gRPC)',
  },
  opsListen: {
    name: 'ops-listen',
    type: 'address',
    default: { host: loopback, port: 9100 },
    help: 'Address of /metrics, /livez and /readyz (HTTP)',
  },
  peerAdvertise: {
    name: 'peer-advertise',
    type: 'address',
    help: 'Address that the other nodes should use, a DNS name at best (default: --peer-listen)',
  },
  peerOverrides: {
    name: 'peer-overrides',
    type: 'peers',
    help: 'Addresses of peers to use instead of the recorded ones: 1=host:port,2=host:port',
  },
  peerTlsCert: {
    name: 'peer-tls-cert',
    type: 'path',
    help: 'Certificate chain of this node towards peers, PEM; read again when it changes',
  },
  peerTlsKey: { name: 'peer-tls-key', type: 'path', help: 'Its private key, PEM' },
  peerTlsCa: {
    name: 'peer-tls-ca',
    type: 'path',
    help: 'Authorities that peers and admin clients must be signed by, PEM',
  },
  clientTlsCert: {
    name: 'client-tls-cert',
    type: 'path',
    help: 'Certificate chain of the client port, PEM; read again when it changes',
  },
  clientTlsKey: { name: 'client-tls-key', type: 'path', help: 'Its private key, PEM' },
  insecure: {
    name: 'insecure',
    type: 'flag',
    default: false,
    help: 'Allow addresses beyond loopback without TLS: anyone who reaches them owns the data',
  },
  opsPlain: {
    name: 'ops-plain',
    type: 'flag',
    default: false,
    help: 'Allow --ops-listen beyond loopback (it shows no data)',
  },
  logLevel: {
    name: 'log-level',
    type: 'choice',
    default: 'info',
    choices: ['error', 'warn', 'info', 'debug'],
    help: 'Least severe line written',
  },
  logFormat: {
    name: 'log-format',
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'json', 'pretty'],
    help: 'Form of log lines; auto is pretty on a terminal',
  },
  itemCacheBytes: {
    name: 'item-cache-bytes',
    type: 'bytes',
    default: 32 * mebibyte,
    min: mebibyte,
    max: 16 * gibibyte,
    unit: 'bytes',
    help: 'Bound of the item cache',
  },
  engineCacheBytes: {
    name: 'engine-cache-bytes',
    type: 'bytes',
    default: 32 * mebibyte,
    min: mebibyte,
    // The binding takes 32-bit sizes.
    max: 4 * gibibyte - 1,
    unit: 'bytes',
    help: 'Block cache of the row engine',
  },
  engineWriteBufferBytes: {
    name: 'engine-write-buffer-bytes',
    type: 'bytes',
    default: 16 * mebibyte,
    min: mebibyte,
    max: gibibyte,
    unit: 'bytes',
    help: 'Write buffer of the row engine',
  },
  logSegmentBytes: {
    name: 'log-segment-bytes',
    type: 'bytes',
    default: 16 * mebibyte,
    min: mebibyte,
    max: gibibyte,
    unit: 'bytes',
    help: 'Size of one preallocated segment of the Raft log',
  },
  committedLayerBytes: {
    name: 'committed-layer-bytes',
    type: 'bytes',
    default: 32 * mebibyte,
    min: mebibyte,
    max: 4 * gibibyte,
    unit: 'bytes',
    help: 'Committed rows that may wait for the row engine before writes are held back',
  },
  uncommittedBytes: {
    name: 'uncommitted-bytes',
    type: 'bytes',
    default: 8 * mebibyte,
    min: mebibyte,
    max: gibibyte,
    unit: 'bytes',
    help: 'Proposed and uncommitted bytes of one shard before writes are refused as throttled',
  },
  uvThreads: {
    name: 'uv-threads',
    type: 'integer',
    default: 8,
    min: 4,
    max: 128,
    unit: 'threads',
    help: 'Threads for disk work (UV_THREADPOOL_SIZE)',
  },
  tickMs: {
    name: 'tick-ms',
    type: 'integer',
    default: 100,
    min: 10,
    max: 10_000,
    unit: 'ms',
    help: 'Length of one Raft tick',
  },
  heartbeatTicks: {
    name: 'heartbeat-ticks',
    type: 'integer',
    default: 1,
    min: 1,
    max: 100,
    unit: 'ticks',
    help: 'Ticks between heartbeats',
  },
  electionTicks: {
    name: 'election-ticks',
    type: 'integer',
    default: 10,
    min: 3,
    max: 1000,
    unit: 'ticks',
    help: 'Ticks without a leader before a campaign (drawn from one to two times this)',
  },
  requestTimeoutMs: {
    name: 'request-timeout-ms',
    type: 'integer',
    default: 5000,
    min: 100,
    max: 60_000,
    unit: 'ms',
    help: 'Deadline of every request',
  },
  requestsMax: {
    name: 'requests-max',
    type: 'integer',
    default: 4096,
    min: 16,
    max: 1_000_000,
    unit: 'requests',
    help: 'Requests in work at once before more are refused as throttled',
  },
  connectionsMax: {
    name: 'connections-max',
    type: 'integer',
    default: 8192,
    min: 16,
    max: 1_000_000,
    unit: 'connections',
    help: 'Open connections on the client port',
  },
  stopDelayMs: {
    name: 'stop-delay-ms',
    type: 'integer',
    default: 0,
    min: 0,
    max: 600_000,
    unit: 'ms',
    help: 'Time to go on serving when told to stop, not ready any more, until clients know other nodes',
  },
  stopTimeoutMs: {
    name: 'stop-timeout-ms',
    type: 'integer',
    default: 8000,
    min: 0,
    max: 600_000,
    unit: 'ms',
    help: 'Time to finish work in flight when told to stop',
  },
} as const satisfies Record<string, OptionSpec>;

export type OptionKey = keyof typeof optionTable;

/** The smallest unit shown for a size. */
export const sizeUnits = [
  { suffix: 'G', bytes: gibibyte },
  { suffix: 'M', bytes: mebibyte },
  { suffix: 'K', bytes: kibibyte },
] as const;

type ValueOf<Spec> = Spec extends { type: 'address' }
  ? Address
  : Spec extends { type: 'peers' }
    ? ReadonlyMap<number, Address>
    : Spec extends { type: 'flag' }
      ? boolean
      : Spec extends { type: 'integer' | 'bytes' }
        ? number
        : Spec extends { choices: readonly (infer Choice)[] }
          ? Choice
          : string;

/** The options of a node, checked; an option without default may be undefined. */
export type NodeOptions = {
  readonly [K in OptionKey]: (typeof optionTable)[K] extends { default: unknown }
    ? ValueOf<(typeof optionTable)[K]>
    : ValueOf<(typeof optionTable)[K]> | undefined;
};

/** `client-listen` → `DYNAKV_CLIENT_LISTEN`. */
export function environmentName(spec: OptionSpec): string {
  return `DYNAKV_${spec.name.toUpperCase().replaceAll('-', '_')}`;
}
