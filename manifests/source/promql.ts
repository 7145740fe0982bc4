/**
 * Parts of PromQL that panels share: selectors by the dashboard's variables and rates over Grafana's
 * own interval. Variables are written as Grafana expands them; `withoutVariables` does it for a
 * query that is sent to Prometheus directly.
 */
import { clusterLabel, namespaceLabel, nodeLabel } from './label-contract.ts';

const chosenCluster = `${namespaceLabel}="$namespace", ${clusterLabel}="$cluster"`;

/** A series of the whole cluster: plans, counts that one node knows. */
export function ofCluster(name: string, matchers = ''): string {
  return `${name}{${[chosenCluster, matchers].filter((part) => part !== '').join(', ')}}`;
}

/** A series of the nodes that are chosen. */
export function ofNodes(name: string, matchers = ''): string {
  const nodes = `${nodeLabel}=~"$node"`;
  return ofCluster(name, [nodes, matchers].filter((part) => part !== '').join(', '));
}

/** Of a counter, a second. */
export function rate(selector: string): string {
  return `rate(${selector}[$__rate_interval])`;
}

/** The latency below which so many of the requests were, from a histogram's buckets. */
export function quantile(share: number, name: string, labels: readonly string[] = []): string {
  const by = ['le', ...labels].join(', ');
  return `histogram_quantile(${share}, sum by (${by}) (${rate(ofNodes(`${name}_bucket`))}))`;
}

export interface VariableValues {
  readonly namespace: string;
  readonly cluster: string;
  /** Such as `1m`: at least four scrapes. */
  readonly rateInterval: string;
}

/** The query as Grafana would send it with all nodes chosen. */
export function withoutVariables(expr: string, values: VariableValues): string {
  return expr
    .replaceAll('$__rate_interval', values.rateInterval)
    .replaceAll('$namespace', values.namespace)
    .replaceAll('$cluster', values.cluster)
    .replaceAll('$node', '.*');
}
