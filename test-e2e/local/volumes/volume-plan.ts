/**
 * What the provisioner should do, from claims, volumes and nodes as they are: pure. It answers
 * claims whose pod is scheduled, follows a claim that has grown, and deletes volumes whose claim is
 * gone when their policy says so. A volume is known by the name that its claim's uid gives it.
 */
import type {
  KubeObject,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
} from '../../lib/kube-objects.ts';
import type { VolumeKind } from './storage-classes.ts';
import { provisionerName, volumeKinds } from './storage-classes.ts';

export type VolumeStep =
  | {
      readonly kind: 'create';
      readonly volume: KubeObject;
      readonly path: string;
      readonly fileSystemBytes?: number;
    }
  | { readonly kind: 'grow-volume'; readonly name: string; readonly storage: string }
  | { readonly kind: 'grow-claim'; readonly claim: PersistentVolumeClaim; readonly storage: string }
  | { readonly kind: 'delete'; readonly name: string; readonly path: string };

export interface VolumeView {
  readonly claims: readonly PersistentVolumeClaim[];
  readonly volumes: readonly PersistentVolume[];
  readonly nodes: readonly Node[];
  /** Parent of all volumes' folders. */
  readonly folder: string;
}

const selectedNode = 'volume.kubernetes.io/selected-node';
const provisionedBy = 'pv.kubernetes.io/provisioned-by';

export function planVolumes(view: VolumeView): readonly VolumeStep[] {
  return [
    ...view.claims.flatMap((claim) => answerClaim(claim, view)),
    ...view.volumes.flatMap((volume) => dropVolume(volume, view)),
  ];
}

function answerClaim(claim: PersistentVolumeClaim, view: VolumeView): readonly VolumeStep[] {
  const kind = volumeKinds.find((each) => each.className === claim.spec.storageClassName);
  const storage = claim.spec.resources?.requests?.['storage'];
  if (
    kind === undefined ||
    storage === undefined ||
    claim.metadata.deletionTimestamp !== undefined
  ) {
    return [];
  }
  const name = `pvc-${claim.metadata.uid ?? ''}`;
  const volume = view.volumes.find((each) => each.metadata.name === name);
  if (volume === undefined) {
    const chosen = claim.metadata.annotations?.[selectedNode];
    const node = view.nodes.find((each) => each.metadata.name === chosen);
    return node === undefined || claim.spec.volumeName !== undefined
      ? []
      : [create({ name, claim, kind, node, storage, folder: view.folder })];
  }
  if (volume.spec.capacity?.['storage'] !== storage) {
    return [{ kind: 'grow-volume', name, storage }];
  }
  const isBound = claim.status?.phase === 'Bound';
  return isBound && claim.status.capacity?.['storage'] !== storage
    ? [{ kind: 'grow-claim', claim, storage }]
    : [];
}

function create(input: {
  readonly name: string;
  readonly claim: PersistentVolumeClaim;
  readonly kind: VolumeKind;
  readonly node: Node;
  readonly storage: string;
  readonly folder: string;
}): VolumeStep {
  const { name, claim, kind, node, storage } = input;
  const path = `${input.folder}/${name}`;
  const value = node.metadata.labels?.[kind.boundTo] ?? '';
  const { namespace, name: claimName, uid } = claim.metadata;
  return {
    kind: 'create',
    path,
    ...(kind.fileSystemBytes === undefined ? {} : { fileSystemBytes: kind.fileSystemBytes }),
    volume: {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name, annotations: { [provisionedBy]: provisionerName } },
      spec: {
        capacity: { storage },
        accessModes: ['ReadWriteOnce'],
        storageClassName: kind.className,
        persistentVolumeReclaimPolicy: 'Delete',
        claimRef: {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          namespace,
          name: claimName,
          uid,
        },
        // `local`, not `hostPath`: its owner group follows the pod's fsGroup.
        local: { path },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: kind.boundTo, operator: 'In', values: [value] }] },
            ],
          },
        },
      },
    },
  };
}

function dropVolume(volume: PersistentVolume, { folder }: VolumeView): readonly VolumeStep[] {
  const { name, annotations, deletionTimestamp } = volume.metadata;
  const isOurs = annotations?.[provisionedBy] === provisionerName;
  const isFree = volume.status?.phase === 'Released';
  return isOurs &&
    isFree &&
    deletionTimestamp === undefined &&
    volume.spec.persistentVolumeReclaimPolicy === 'Delete'
    ? [{ kind: 'delete', name, path: volume.spec.local?.path ?? `${folder}/${name}` }]
    : [];
}
