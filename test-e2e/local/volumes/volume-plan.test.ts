import { describe, expect, test } from '@jest/globals';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../lib/kube-objects.ts';
import { planVolumes } from './volume-plan.ts';

const node: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'node-2',
    labels: { 'kubernetes.io/hostname': 'node-2', 'topology.kubernetes.io/zone': 'zone-b' },
  },
  spec: {},
};

interface ClaimFacts {
  readonly storageClassName?: string;
  readonly selected?: boolean;
  readonly storage?: string;
  readonly capacity?: string;
}

function claim(facts: ClaimFacts = {}): PersistentVolumeClaim {
  const { storageClassName = 'standard', selected = true, storage = '1Gi', capacity } = facts;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: 'data',
      namespace: 'n',
      uid: 'u1',
      ...(selected ? { annotations: { 'volume.kubernetes.io/selected-node': 'node-2' } } : {}),
    },
    spec: { storageClassName, resources: { requests: { storage } } },
    ...(capacity === undefined
      ? {}
      : { status: { phase: 'Bound', capacity: { storage: capacity } } }),
  };
}

function volume(storage: string, phase = 'Bound', policy = 'Delete'): PersistentVolume {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: 'pvc-u1',
      annotations: { 'pv.kubernetes.io/provisioned-by': 'dynakv.dev/e2e-local' },
    },
    spec: {
      capacity: { storage },
      persistentVolumeReclaimPolicy: policy,
      local: { path: '/volumes/pvc-u1' },
    },
    status: { phase },
  };
}

function plan(claims: PersistentVolumeClaim[], volumes: PersistentVolume[] = []) {
  return planVolumes({ claims, volumes, nodes: [node], folder: '/volumes' });
}

function affinityOf(storageClassName: string): unknown {
  const [step] = plan([claim({ storageClassName })]);
  const spec = step?.kind === 'create' ? step.volume['spec'] : undefined;
  return (spec as { nodeAffinity?: unknown }).nodeAffinity;
}

describe('planVolumes()', () => {
  test('a claim waits until the scheduler has chosen a node', () => {
    expect(plan([claim({ selected: false })])).toEqual([]);
  });

  test('a claim of another class is left to others', () => {
    expect(plan([claim({ storageClassName: 'fast' })])).toEqual([]);
  });

  test('the class decides what the volume is bound to', () => {
    expect(affinityOf('standard')).toMatchObject(term('topology.kubernetes.io/zone', 'zone-b'));
    expect(affinityOf('host-bound')).toMatchObject(term('kubernetes.io/hostname', 'node-2'));
  });

  test('the small class gets a file system of its own', () => {
    expect(plan([claim({ storageClassName: 'small' })])).toMatchObject([
      { kind: 'create', path: '/volumes/pvc-u1', fileSystemBytes: 128 * 1024 * 1024 },
    ]);
  });

  test('a volume names the claim by uid, so no other can take it', () => {
    expect(plan([claim()])).toMatchObject([
      { volume: { spec: { claimRef: { namespace: 'n', name: 'data', uid: 'u1' } } } },
    ]);
  });

  test('a claim that grew is followed: the volume first, then the claim, then nothing', () => {
    const grown = claim({ storage: '2Gi', capacity: '1Gi' });
    expect(plan([grown], [volume('1Gi')])).toMatchObject([{ kind: 'grow-volume' }]);
    expect(plan([grown], [volume('2Gi')])).toMatchObject([{ kind: 'grow-claim', storage: '2Gi' }]);
    expect(plan([claim({ storage: '2Gi', capacity: '2Gi' })], [volume('2Gi')])).toEqual([]);
  });

  test('a volume goes once it is released, if its policy says so', () => {
    expect(plan([], [volume('1Gi')])).toEqual([]);
    expect(plan([], [volume('1Gi', 'Released', 'Retain')])).toEqual([]);
    expect(plan([], [volume('1Gi', 'Released')])).toEqual([
      { kind: 'delete', name: 'pvc-u1', path: '/volumes/pvc-u1' },
    ]);
  });
});

function term(key: string, value: string): object {
  return {
    required: {
      nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values: [value] }] }],
    },
  };
}
