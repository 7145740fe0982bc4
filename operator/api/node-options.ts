/**
 * Options of the node program that `spec.config` may name: all but those that the operator sets
 * itself. The values are judged by the node, which refuses to start with a bad one; the roll then
 * stops at the first pod.
 */
export const nodeOptionNames: readonly string[] = [
  'committed-layer-bytes',
  'connections-max',
  'election-ticks',
  'engine-cache-bytes',
  'engine-write-buffer-bytes',
  'heartbeat-ticks',
  'item-cache-bytes',
  'log-format',
  'log-level',
  'log-segment-bytes',
  'request-timeout-ms',
  'requests-max',
  'stop-delay-ms',
  'stop-timeout-ms',
  'tick-ms',
  'uncommitted-bytes',
  'uv-threads',
];

/** Options that the operator sets on every node (`desired/pod-template.ts`). */
export const operatorOptionNames: readonly string[] = [
  'client-listen',
  'client-tls-cert',
  'client-tls-key',
  'data',
  'insecure',
  'ops-listen',
  'ops-plain',
  'peer-advertise',
  'peer-listen',
  'peer-overrides',
  'peer-tls-ca',
  'peer-tls-cert',
  'peer-tls-key',
  'zone',
];

/** `election-ticks` → `DYNAKV_ELECTION_TICKS`, as the node reads its environment. */
export function optionVariable(name: string): string {
  return `DYNAKV_${name.toUpperCase().replaceAll('-', '_')}`;
}
