/** The prose of the charts' pages. */

const code = '```';

export const operatorPage = `
${code}sh
make images                                   # the image is not published yet
helm install dynakv charts/dynakv-operator --namespace dynakv-system --create-namespace
helm -n dynakv-system test dynakv
kubectl apply -f manifests/samples/cluster.yaml
kubectl wait --for=condition=Ready dynamocluster/demo --timeout=5m
${code}

Kubernetes 1.30 or newer, helm 3 or 4. \`kubectl apply --server-side -f manifests/install.yaml\`
installs the same without helm.

**Permissions.** With \`rbac.scope: cluster\` the operator works in all namespaces, or with
\`watchNamespaces\` in those: it then has a binding in each and no right elsewhere. With
\`rbac.scope: namespace\` it has a Role in each of them. Either way it reads nodes and storage classes of the
whole cluster, never lists or watches Secrets, has no right to roles, to \`exec\` or to create pods by itself,
and its Lease is in its own namespace. \`rbac.aggregate\` lets those who may view, edit or administer a
namespace do so with clusters in it.

**CRD.** It is a template of this chart, so that \`helm upgrade\` upgrades it, and it is kept when the release
is uninstalled: clusters live on. \`crds.enabled: false\` leaves it to you (\`kubectl apply --server-side -f
crds/\`).

**Upgrades** of the operator restart no database: pods of clusters change only when their \`spec\`
does.

**Uninstalling** leaves clusters running without an operator. To delete everything, delete the
clusters first: \`kubectl delete dynamocluster --all -A\`, then the release, then the CRD.

**Monitoring** is off, as its CRDs may not be there: \`monitoring.podMonitor\`, \`monitoring.prometheusRule\`
and \`monitoring.dashboards\` ([manifests](../../manifests/README.md)). Leave a cluster's own
\`spec.monitoring.podMonitor\` off then, or it is scraped twice.
`;

export const clusterPage = `
${code}sh
helm install orders charts/dynakv-cluster --namespace shop --set spec.replicas=5
kubectl -n shop wait --for=condition=Ready dynamocluster/orders --timeout=10m
helm -n shop test orders
${code}

\`spec\` is that of the DynamoCluster, field by field ([api](../../operator/docs/api.md)); the schema of the
values is made from the CRD, so that a wrong field is refused before anything is sent. The chart
\`dynakv-operator\` must be installed. \`helm test\` makes a table, writes an item, reads it and drops the table.

Uninstalling the release deletes the cluster. Its volumes stay unless \`spec.storage.retention\` says otherwise.
`;
