/**
 * The labels that every scrape gives to the series of a node, whoever scrapes: the PodMonitor on
 * Kubernetes, a configuration by hand elsewhere. Dashboards and alerts group by them. They are not
 * metric names: what nodes say themselves is in `node/metrics/names.ts`.
 *
 * `cluster` is left alone, as it means the Kubernetes cluster where several are watched together.
 */

/** Of the DynamoCluster. */
export const namespaceLabel = 'namespace';
/** The DynamoCluster's name. */
export const clusterLabel = 'dynamocluster';
/** One node of it. */
export const nodeLabel = 'pod';

/** Label of a pod that names its DynamoCluster. */
export const clusterPodLabel = 'dynakv.dev/cluster';

export const byCluster = `by (${namespaceLabel}, ${clusterLabel})`;
export const byNode = `by (${namespaceLabel}, ${clusterLabel}, ${nodeLabel})`;
