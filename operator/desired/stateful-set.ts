/**
 * The StatefulSet of a cluster, without replicas: whoever writes it adds the live number (O1).
 * `OnDelete`, as the operator replaces pods itself; `Parallel`, as a cluster without quorum would
 * wait for itself otherwise; claims are always retained by the set, whatever the spec says (O3).
 */
import type { V1StatefulSet, V1StatefulSetSpec } from '@kubernetes/client-node';
import type { StatefulSet, Wire } from '../api/kube-object.ts';
import { annotations, dataVolume, objectNames, selectorLabels } from '../api/names.ts';
import type { BuildContext } from './build-context.ts';
import { kubeObject, nodeLabels, ownedMeta } from './build-context.ts';
import { buildPodTemplate } from './pod-template.ts';

export interface BuiltStatefulSet {
  readonly object: StatefulSet;
  readonly templateHash: string;
}

export function buildStatefulSet(context: BuildContext): BuiltStatefulSet {
  const { metadata, spec } = context.cluster;
  const names = objectNames(metadata.name);
  const { size, storageClassName } = spec.storage;
  const template = buildPodTemplate(context);
  const templateHash = context.hash(template).slice(0, 16);
  const built: Wire<V1StatefulSetSpec> = {
    serviceName: names.peersService,
    podManagementPolicy: 'Parallel',
    updateStrategy: { type: 'OnDelete' },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    // Templates of before, for people who look back.
    revisionHistoryLimit: 5,
    selector: { matchLabels: selectorLabels(metadata.name) },
    template: {
      ...template,
      metadata: {
        ...template.metadata,
        annotations: {
          ...template.metadata.annotations,
          [annotations.templateHash]: templateHash,
        },
      },
    },
    volumeClaimTemplates: [
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        // The set cannot change them later: nothing here that ever would.
        metadata: { name: dataVolume, labels: nodeLabels(context) },
        spec: {
          accessModes: ['ReadWriteOnce'],
          volumeMode: 'Filesystem',
          resources: { requests: { storage: size } },
          ...(storageClassName === undefined ? {} : { storageClassName }),
        },
      },
    ],
  };
  const meta = ownedMeta(context, names.statefulSet);
  const object = kubeObject<V1StatefulSet>('apps/v1', 'StatefulSet', meta, { spec: built });
  return { object, templateHash };
}
