/**
 * What a failed test leaves behind: all objects of its namespace as JSON, descriptions, events and
 * the logs of all containers, this life's and the one before. A dump never fails a test: what could
 * not be had is said in `dump-problems.txt`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeClient } from './kube-client.ts';
import { isKubeError } from '../../operator/kube/kube-error.ts';
import type { Kubectl } from './kubectl.ts';
import type { CollectionRef, Pod } from './kube-objects.ts';
import { timeouts } from './timeouts.ts';
import { within } from './waiting.ts';

export interface DumpSource {
  readonly client: KubeClient;
  /** Absent where there are no containers to describe and no logs. */
  readonly kubectl?: Kubectl;
  readonly namespace: string;
}

const core = ['Pod', 'Event', 'PersistentVolumeClaim', 'Service', 'ConfigMap'];
const kinds: readonly CollectionRef[] = [
  ...core.map((kind) => ({ apiVersion: 'v1', kind })),
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'apps/v1', kind: 'ControllerRevision' },
  { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
  { apiVersion: 'dynakv.dev/v1alpha1', kind: 'DynamoCluster' },
];
const clusterKinds: readonly CollectionRef[] = ['Node', 'PersistentVolume'].map((kind) => ({
  apiVersion: 'v1',
  kind,
}));

/** Leaves everything in a folder, within the time of a dump. */
export async function dumpNamespace(source: DumpSource, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const problems: string[] = [];
  const keep = async (name: string, read: () => Promise<string>): Promise<void> => {
    try {
      writeFileSync(join(folder, name), await read());
    } catch (error) {
      problems.push(`${name}: ${Error.isError(error) ? error.message : String(error)}`);
    }
  };
  const all = Promise.all([
    ...kinds.map(async (kind) => {
      await keep(`${kind.kind}.json`, () =>
        listText(source, { ...kind, namespace: source.namespace }),
      );
    }),
    ...clusterKinds.map(async (kind) => {
      await keep(`${kind.kind}.json`, () => listText(source, kind));
    }),
    ...(source.kubectl === undefined ? [] : dumpByKubectl(source.kubectl, source, keep)),
  ]);
  await within('the dump', timeouts.dump, all).catch((error: unknown) => {
    problems.push(Error.isError(error) ? error.message : String(error));
  });
  if (problems.length > 0) {
    writeFileSync(join(folder, 'dump-problems.txt'), `${problems.join('\n')}\n`);
  }
}

async function listText({ client }: DumpSource, from: CollectionRef): Promise<string> {
  try {
    return `${JSON.stringify((await client.list(from)).items, null, 2)}\n`;
  } catch (error) {
    // A kind that is not installed has no objects.
    if (isKubeError(error, 404)) {
      return '[]\n';
    }
    throw error;
  }
}

type Keep = (name: string, read: () => Promise<string>) => Promise<void>;

function dumpByKubectl(kubectl: Kubectl, source: DumpSource, keep: Keep): readonly Promise<void>[] {
  const { namespace } = source;
  return [
    keep('describe.txt', () =>
      kubectl.run(['describe', '--namespace', namespace, 'pods,statefulsets,pvc']),
    ),
    dumpLogs(kubectl, source, keep),
  ];
}

async function dumpLogs(
  kubectl: Kubectl,
  { client, namespace }: DumpSource,
  keep: Keep,
): Promise<void> {
  const pods = await client.list<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace });
  for (const pod of pods.items) {
    const { name } = pod.metadata;
    for (const status of pod.status?.containerStatuses ?? []) {
      const from = { namespace, name, container: status.name };
      await keep(`${name}.${status.name}.log`, () => kubectl.logs(from));
      if (status.restartCount > 0) {
        await keep(`${name}.${status.name}.previous.log`, () => kubectl.logs(from, true));
      }
    }
  }
}
