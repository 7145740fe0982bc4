/** What charts are rendered with for the comparison, and values that they must refuse. */

export interface ChartCase {
  readonly chart: 'dynakv-operator' | 'dynakv-cluster';
  /** `ci/<name>-values.yaml` of the chart. */
  readonly name: string;
  readonly release: string;
  readonly namespace: string;
  /** The CRD is compared by another test, and is longer than all the rest. */
  readonly more?: readonly string[];
}

const withoutCrd = ['--set=crds.enabled=false', '--set=admissionPolicies.enabled=false'];
const operator = {
  chart: 'dynakv-operator',
  release: 'dynakv',
  namespace: 'dynakv-system',
  more: withoutCrd,
} as const;
const cluster = { chart: 'dynakv-cluster', release: 'demo', namespace: 'shop' } as const;

export const chartCases: readonly ChartCase[] = [
  { ...operator, name: 'default' },
  { ...operator, name: 'namespaced' },
  { ...operator, name: 'full' },
  { ...cluster, name: 'default' },
  { ...cluster, name: 'full' },
];

export interface Refusal {
  readonly chart: ChartCase['chart'];
  readonly args: readonly string[];
  /** Words that must be in the answer of every helm. */
  readonly words: readonly string[];
}

export const refusals: readonly Refusal[] = [
  { chart: 'dynakv-operator', args: ['--set=replica=3'], words: ['replica'] },
  { chart: 'dynakv-operator', args: ['--set=replicas=0'], words: ['replicas'] },
  { chart: 'dynakv-operator', args: ['--set=rbac.scope=all'], words: ['scope'] },
  { chart: 'dynakv-operator', args: ['--set=logLevel=loud'], words: ['logLevel'] },
  { chart: 'dynakv-operator', args: ['--set=image.digest=abc'], words: ['digest'] },
  {
    chart: 'dynakv-operator',
    args: ['--set=serviceAccount.create=false'],
    words: ['serviceAccount.name is needed'],
  },
  { chart: 'dynakv-cluster', args: ['--set=spec.replica=3'], words: ['spec', 'replica'] },
  { chart: 'dynakv-cluster', args: ['--set=spec.replicas=0'], words: ['replicas'] },
  { chart: 'dynakv-cluster', args: ['--set=spec.tls.client.mode=Maybe'], words: ['mode'] },
  {
    chart: 'dynakv-cluster',
    args: ['--set=nameOverride=9lives'],
    words: ['Cannot name a cluster "9lives"'],
  },
];
