/**
 * The program that gives claims of the local cluster their volumes: looks every moment, plans
 * (`volume-plan.ts`), and does it. Folders and small file systems are below one folder of the host,
 * so a clean-up finds them without asking. Usage: provisioner.ts KUBECTL KUBECONFIG
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
} from 'node:fs';
import { run, tryRun } from '../../lib/command.ts';
import { KubeClient } from '../../lib/kube-client.ts';
import { isKubeError } from '../../../operator/kube/kube-error.ts';
import { kubeconfigConnection } from '../../../operator/kube/kubeconfig-connection.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../lib/kube-objects.ts';
import { pause } from '../../lib/waiting.ts';
import { volumesFolder } from '../places.ts';
import type { VolumeStep } from './volume-plan.ts';
import { planVolumes } from './volume-plan.ts';

/** Short, as every new pod waits for it; three small lists cost the API server nothing. */
const lookMs = 300;

async function look(client: KubeClient): Promise<void> {
  const [claims, volumes, nodes] = await Promise.all([
    client.list<PersistentVolumeClaim>({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' }),
    client.list<PersistentVolume>({ apiVersion: 'v1', kind: 'PersistentVolume' }),
    client.list<Node>({ apiVersion: 'v1', kind: 'Node' }),
  ]);
  const steps = planVolumes({
    claims: claims.items,
    volumes: volumes.items,
    nodes: nodes.items,
    folder: volumesFolder,
  });
  for (const step of steps) {
    await take(client, step);
    process.stdout.write(`${new Date().toISOString()} ${describeStep(step)}\n`);
  }
}

async function take(client: KubeClient, step: VolumeStep): Promise<void> {
  switch (step.kind) {
    case 'create':
      await makeFolder(step.path, step.fileSystemBytes);
      await client.create(step.volume).catch((error: unknown) => {
        // The last look saw an older list.
        if (!isKubeError(error, 409)) {
          throw error;
        }
      });
      return;
    case 'grow-volume':
      await client.patch(
        { apiVersion: 'v1', kind: 'PersistentVolume', name: step.name },
        { spec: { capacity: { storage: step.storage } } },
      );
      return;
    case 'grow-claim':
      await client.patch(
        { ...step.claim, ...step.claim.metadata },
        { status: { capacity: { storage: step.storage } } },
        'status',
      );
      return;
    case 'delete':
      await removeFolder(step.path);
      await client.delete({ apiVersion: 'v1', kind: 'PersistentVolume', name: step.name });
  }
}

async function makeFolder(path: string, fileSystemBytes?: number): Promise<void> {
  mkdirSync(path, { recursive: true });
  if (fileSystemBytes !== undefined && !existsSync(`${path}.ext4`)) {
    const file = openSync(`${path}.ext4`, 'w');
    ftruncateSync(file, fileSystemBytes);
    closeSync(file);
    await run('mkfs.ext4', ['-q', '-m', '0', `${path}.ext4`]);
  }
  if (fileSystemBytes !== undefined && (await tryRun('mountpoint', ['-q', path])).code !== 0) {
    await run('mount', ['-o', 'loop', `${path}.ext4`, path]);
  }
  chmodSync(path, 0o777);
}

async function removeFolder(path: string): Promise<void> {
  if (existsSync(`${path}.ext4`)) {
    await tryRun('umount', ['--lazy', path]);
  }
  rmSync(path, { recursive: true, force: true });
  rmSync(`${path}.ext4`, { force: true });
}

function describeStep(step: VolumeStep): string {
  switch (step.kind) {
    case 'create':
      return `created ${step.volume.metadata.name}`;
    case 'grow-volume':
      return `grew ${step.name} to ${step.storage}`;
    case 'grow-claim':
      return `grew claim ${step.claim.metadata.name} to ${step.storage}`;
    case 'delete':
      return `deleted ${step.name}`;
  }
}

if (import.meta.main) {
  const [kubeconfig = ''] = process.argv.slice(2);
  const client = new KubeClient(await kubeconfigConnection({ kubeconfig }));
  for (;;) {
    try {
      await look(client);
    } catch (error) {
      const why = Error.isError(error) ? error.message : String(error);
      process.stdout.write(`${new Date().toISOString()} failed: ${why}\n`);
    }
    await pause(lookMs);
  }
}
