/**
 * What the API server must take and refuse of a DynamoCluster: a spec, or a change of one, and the
 * words of the refusal. One case a rule at least, and each rule is met from both sides.
 */

export interface CreateCase {
  readonly what: string;
  readonly name?: string;
  readonly spec: unknown;
  /** Parts of the refusal's message: field, value where it is told, rule. None: it is taken. */
  readonly refused?: readonly string[];
}

export interface ChangeCase {
  readonly what: string;
  readonly before: object;
  readonly after: object;
  /** The database exists: `status.clusterId` is set. */
  readonly born?: boolean;
  readonly refused?: readonly string[];
}

const digest = `sha256:${'a'.repeat(64)}`;

export const createCases: readonly CreateCase[] = [
  { what: 'spec: {}', spec: {} },
  { what: 'a name of 40 characters', name: 'a'.repeat(40), spec: {} },
  {
    what: 'a name of 41 characters',
    name: 'a'.repeat(41),
    spec: {},
    refused: ['metadata.name must have at most 40 characters'],
  },
  {
    what: 'a name that begins with a digit',
    name: '1st',
    spec: {},
    refused: ['metadata.name must begin with a letter', ': 1st'],
  },
  { what: 'a name with a dot', name: 'a.b', spec: {}, refused: ['metadata.name must begin'] },
  { what: 'an unknown field', spec: { hibernated: true }, refused: ['spec.hibernated'] },
  { what: 'one replica', spec: { replicas: 1 } },
  { what: 'no replicas', spec: { replicas: 0 }, refused: ['spec.replicas', '0', 'greater than'] },
  { what: 'too many replicas', spec: { replicas: 1001 }, refused: ['spec.replicas', '1001'] },
  { what: 'replicas as text', spec: { replicas: '3' }, refused: ['spec.replicas', 'integer'] },
  { what: 'a version', spec: { version: '1.2.3-rc.1' } },
  { what: 'a version with a space', spec: { version: 'a b' }, refused: ['spec.version', 'a b'] },
  { what: 'an image of ours', spec: { image: { repository: 'r.example:5000/x/y', digest } } },
  {
    what: 'a tag in the repository',
    spec: { image: { repository: 'a/b:' } },
    refused: ['spec.image.repository', 'a/b:'],
  },
  {
    what: 'a short digest',
    spec: { image: { digest: 'sha256:abc' } },
    refused: ['spec.image.digest', 'sha256:abc'],
  },
  {
    what: 'a pull policy that is none',
    spec: { image: { pullPolicy: 'Sometimes' } },
    refused: ['spec.image.pullPolicy', 'Sometimes', 'IfNotPresent'],
  },
  {
    what: 'a pull secret twice',
    spec: { image: { pullSecrets: ['a', 'a'] } },
    refused: ['spec.image.pullSecrets', 'Duplicate'],
  },
  { what: '4096 shards', spec: { shards: 4096 } },
  {
    what: '48 shards',
    spec: { shards: 48 },
    refused: ['spec.shards', '48', 'must be a power of two'],
  },
  { what: '8192 shards', spec: { shards: 8192 }, refused: ['spec.shards', '8192'] },
  { what: '7 copies', spec: { replicationFactor: 7 } },
  {
    what: '2 copies',
    spec: { replicationFactor: 2 },
    refused: ['spec.replicationFactor', '2', 'must be 1, 3, 5 or 7'],
  },
  {
    what: 'a spread that is none',
    spec: { topology: { whenUnsatisfiable: 'Ignore' } },
    refused: ['spec.topology.whenUnsatisfiable', 'Ignore'],
  },
  { what: 'a volume', spec: { storage: { size: '1.5Ti', storageClassName: 'fast' } } },
  {
    what: 'a size that is no quantity',
    spec: { storage: { size: '10 GB' } },
    refused: ['spec.storage.size', '10 GB', 'must be a quantity'],
  },
  {
    what: 'a size that is too small',
    spec: { storage: { size: '1Mi' } },
    refused: ['spec.storage.size', '1Mi', 'must be at least 64Mi'],
  },
  {
    what: 'a class without a name',
    spec: { storage: { storageClassName: '' } },
    refused: ['spec.storage.storageClassName'],
  },
  {
    what: 'volumes that are retained or not',
    spec: { storage: { retention: { whenScaled: 'Delete', whenDeleted: 'Delete' } } },
  },
  {
    what: 'resources',
    spec: {
      resources: {
        requests: { cpu: '1', memory: '2Gi' },
        limits: { cpu: '1500m', memory: '2048Mi' },
      },
    },
  },
  {
    what: 'CPU that is no quantity',
    spec: { resources: { requests: { cpu: 'one' } } },
    refused: ['spec.resources.requests.cpu', 'one', 'must be a quantity'],
  },
  {
    what: 'too little memory',
    spec: { resources: { requests: { memory: '64Mi' } } },
    refused: ['spec.resources.requests.memory', '64Mi', 'must be at least 256Mi'],
  },
  {
    what: 'a limit of memory above the request',
    spec: { resources: { limits: { memory: '2Gi' } } },
    refused: ['spec.resources.limits.memory must equal', '2Gi, the request is 1Gi'],
  },
  {
    what: 'a limit of CPU below the request',
    spec: { resources: { limits: { cpu: '100m' } } },
    refused: ['spec.resources.limits.cpu must be at least', '100m is less than 500m'],
  },
  { what: 'options', spec: { config: { 'election-ticks': '20', 'log-level': 'debug' } } },
  {
    what: 'an option that the operator sets',
    spec: { config: { 'peer-listen': '0.0.0.0:1' } },
    refused: ['spec.config', 'may only have these options', 'election-ticks'],
  },
  {
    what: 'an option that is no text',
    spec: { config: { 'election-ticks': 20 } },
    refused: ['spec.config.election-ticks', 'string'],
  },
  {
    what: 'a rebalance with limits',
    spec: {
      rebalance: {
        mode: 'Manual',
        maxConcurrentMoves: 4,
        maxBytesPerSecond: '32Mi',
        deadNodeGraceSeconds: 600,
      },
    },
  },
  {
    what: 'a mode that is none',
    spec: { rebalance: { mode: 'Off' } },
    refused: ['spec.rebalance.mode', 'Off', 'Paused'],
  },
  {
    what: 'a rate that is too low',
    spec: { rebalance: { maxBytesPerSecond: '1Ki' } },
    refused: ['spec.rebalance.maxBytesPerSecond', '1Ki', 'must be at least 64Ki'],
  },
  {
    what: 'a rate that is too high',
    spec: { rebalance: { maxBytesPerSecond: '1Ti' } },
    refused: ['must be at most 16Gi'],
  },
  {
    what: 'too many moves',
    spec: { rebalance: { maxConcurrentMoves: 65 } },
    refused: ['spec.rebalance.maxConcurrentMoves', '65'],
  },
  { what: 'gates left out', spec: { update: { skipPredicates: ['QuorumSafe'] } } },
  {
    what: 'a gate that is none',
    spec: { update: { skipPredicates: ['Everything'] } },
    refused: ['spec.update.skipPredicates', 'Everything'],
  },
  { what: 'a restart', spec: { update: { restartedAt: '2026-01-01T00:00:00Z' } } },
  {
    what: 'a restart at no time',
    spec: { update: { restartedAt: 'now' } },
    refused: ['spec.update.restartedAt', 'now', 'date-time'],
  },
  { what: 'managed TLS', spec: { tls: { client: { mode: 'Managed', dnsNames: ['db.example'] } } } },
  { what: 'own TLS', spec: { tls: { client: { mode: 'Secret', secretName: 'tls' } } } },
  {
    what: 'own TLS without a Secret',
    spec: { tls: { client: { mode: 'Secret' } } },
    refused: ['spec.tls.client.secretName is required'],
  },
  {
    what: 'a Secret without own TLS',
    spec: { tls: { client: { secretName: 'tls' } } },
    refused: ['spec.tls.client.secretName is for mode Secret alone'],
  },
  { what: 'a Service', spec: { service: { type: 'LoadBalancer', annotations: { a: 'b' } } } },
  { what: 'port 0', spec: { service: { port: 0 } }, refused: ['spec.service.port', '0'] },
  {
    what: 'labels of pods',
    spec: {
      pod: {
        labels: { team: 'a' },
        annotations: { 'example.com/a': 'b' },
        tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoSchedule' }],
      },
    },
  },
  {
    what: 'labels of the operator',
    spec: { pod: { labels: { 'dynakv.dev/cluster': 'x' } } },
    refused: ['spec.pod.labels cannot set'],
  },
  {
    what: 'annotations of the operator',
    spec: { pod: { annotations: { 'dynakv.dev/template-hash': 'x' } } },
    refused: ['spec.pod.annotations cannot set'],
  },
  {
    what: 'a service account of its own',
    spec: { pod: { serviceAccountName: 'admin' } },
    refused: ['spec.pod.serviceAccountName'],
  },
  {
    what: 'no time to stop',
    spec: { pod: { terminationGracePeriodSeconds: 0 } },
    refused: ['spec.pod.terminationGracePeriodSeconds', '0'],
  },
  {
    what: 'clients of other namespaces',
    spec: { networkPolicy: { clientsFrom: [{ namespaceLabels: { team: 'a' } }] } },
  },
  {
    what: 'clients that are nobody',
    spec: { networkPolicy: { clientsFrom: [{}] } },
    refused: ['spec.networkPolicy.clientsFrom needs namespaceLabels'],
  },
  {
    what: 'a scrape too often',
    spec: { monitoring: { podMonitor: { intervalSeconds: 1 } } },
    refused: ['spec.monitoring.podMonitor.intervalSeconds', '1'],
  },
];

export const changeCases: readonly ChangeCase[] = [
  { what: 'more replicas', before: {}, after: { replicas: 5 }, born: true },
  { what: 'fewer replicas', before: { replicas: 5 }, after: { replicas: 3 }, born: true },
  {
    what: 'fewer replicas than copies',
    before: { replicas: 5 },
    after: { replicas: 2 },
    born: true,
    refused: ['spec.replicas cannot shrink below spec.replicationFactor', '2 is less than 3'],
  },
  { what: 'fewer replicas before there is data', before: {}, after: { replicas: 1 } },
  {
    what: 'another field of a cluster that began small',
    before: { replicas: 1 },
    after: { paused: true },
    born: true,
  },
  { what: 'more copies', before: {}, after: { replicationFactor: 5 }, born: true },
  {
    what: 'fewer copies',
    before: {},
    after: { replicationFactor: 1 },
    refused: ['spec.replicationFactor cannot be lowered: 1'],
  },
  {
    what: 'another number of shards',
    before: {},
    after: { shards: 128 },
    refused: ['spec.shards cannot be changed: 128, it is 64'],
  },
  {
    what: 'another zone label',
    before: {},
    after: { topology: { zoneKey: 'rack' } },
    refused: ['spec.topology.zoneKey', 'cannot be changed'],
  },
  {
    what: 'another size',
    before: {},
    after: { storage: { size: '20Gi' } },
    refused: ['spec.storage.size cannot be changed: 20Gi, it is 10Gi'],
  },
  {
    what: 'a storage class where there was none',
    before: {},
    after: { storage: { storageClassName: 'fast' } },
    refused: ['spec.storage.storageClassName cannot be changed'],
  },
  {
    what: 'no storage class where there was one',
    before: { storage: { storageClassName: 'fast' } },
    after: { storage: { storageClassName: null } },
    refused: ['spec.storage.storageClassName cannot be changed'],
  },
  { what: 'a config', before: {}, after: { config: { 'tick-ms': '50' } }, born: true },
];
