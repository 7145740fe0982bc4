/** What should be there for a cluster: rendered from its spec, its Secrets and what runs now. */
import type { ClusterSecrets } from '../act/cluster-secrets.ts';
import type { DynamoCluster } from '../api/dynamo-cluster.ts';
import type { StatefulSet } from '../api/kube-object.ts';
import { objectNames } from '../api/names.ts';
import type { BuildContext } from '../desired/build-context.ts';
import { buildDesiredObjects } from '../desired/desired-objects.ts';
import type { DesiredFacts } from '../desired/desired-objects.ts';
import { imageOf } from '../desired/image.ts';
import { keepTemplate } from '../desired/kept-template.ts';
import { kindOf } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { objectHash } from '../kube/object-hash.ts';
import { statefulSetView } from '../observe/kube-views.ts';
import type { Desired } from './reconciler.ts';

const setKind = kindOf<StatefulSet>('apps/v1', 'StatefulSet', 'statefulsets');

export interface DesireOptions {
  readonly client: KubeClient;
  readonly secrets: ClusterSecrets;
  readonly defaultVersion: string;
  readonly operatorNamespace: string;
}

export function desireWith(
  options: DesireOptions,
): (cluster: DynamoCluster, facts: DesiredFacts) => Promise<Desired> {
  const { client, secrets, defaultVersion, operatorNamespace } = options;
  return async (cluster, facts) => {
    const { name, namespace, uid, deletionTimestamp } = cluster.metadata;
    const set = await client.find(setKind, namespace, objectNames(name).statefulSet);
    const running = set === undefined ? undefined : statefulSetView(uid, set).image;
    const image = imageOf(cluster.spec, { defaultVersion, running });
    const context: BuildContext = { cluster, image, operatorNamespace, hash: objectHash };
    const mayMake = deletionTimestamp === undefined && !cluster.spec.paused;
    const found = await secrets.ensure(context, mayMake);
    const kept = keepTemplate(buildDesiredObjects(context, facts), set);
    const { desired: built, requiresUpdate } = kept;
    const { objects, statefulSet, templateHash } = built;
    const unwanted = built.unwanted.map(({ apiVersion, kind, ...metadata }) => ({
      ...{ apiVersion, kind, metadata },
    }));
    const certificates = found?.certificates ?? [];
    const rendered = { objects, unwanted, statefulSet, templateHash, certificates };
    return requiresUpdate === undefined ? rendered : { ...rendered, requiresUpdate };
  };
}
