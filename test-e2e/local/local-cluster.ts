/**
 * Starts the local cluster: a Kubernetes of this host's own processes, from cached programs, in the
 * order in which the parts need each other. Every step is noted in the journal before it is taken,
 * so a start that fails or is interrupted anywhere can be cleaned up (`clean-up.ts`).
 */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/command.ts';
import { kubeconfigConnection } from '../../operator/kube/kubeconfig-connection.ts';
import { KubeClient } from '../lib/kube-client.ts';
import type { Node } from '../lib/kube-objects.ts';
import { isTrue } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { watchUntil } from '../lib/watch-until.ts';
import { until } from '../lib/waiting.ts';
import type { NodeAddress } from './addresses.ts';
import * as addresses from './addresses.ts';
import { makePki } from './certificates.ts';
import type { ClusterPki } from './certificates.ts';
import { makeCgroups } from './cgroups.ts';
import { cleanUp, listNetworkNamespaces } from './clean-up.ts';
import { startComponent, waitForComponent } from './components.ts';
import * as plane from './control-plane.ts';
import type { ControlPlaneSettings, ProgramLine } from './control-plane.ts';
import { componentUsers, kubeletUser, makeCredentials } from './credentials.ts';
import { openNetwork, takenAddresses } from './host-network.ts';
import { importImage } from './image-import.ts';
import { latestProcesses, note, openJournal, readJournal } from './journal.ts';
import type { ClusterRecord } from './journal.ts';
import { prepareNode, startKubelet } from './kube-node.ts';
import { prepareNameServer, prepareProxy } from './name-service.ts';
import { containerdSocket, dataFolder, kubeconfigFile, pkiFolder } from './places.ts';
import { isAlive, isOwnOrAbove, ownIdentity } from './process-identity.ts';
import { storageClasses } from './volumes/storage-classes.ts';

export interface LocalClusterOptions {
  readonly nodes: number;
  readonly programs: Readonly<Record<string, string>>;
  /** An archive with the image that holds a pod's namespaces. */
  readonly pauseArchive: string;
  readonly logFolder: string;
  /** It is this run's own: if the run is interrupted, the next one removes it. */
  readonly endsWithStarter: boolean;
  readonly say: (line: string) => void;
}

const server = `https://${addresses.apiAddress}:${addresses.apiPort}`;

/** The cluster that is there and whole; undefined if none is, or only remains of one. */
export function findLocalCluster(): ClusterRecord | undefined {
  const records = readJournal();
  const cluster = records.find((record) => record.kind === 'cluster');
  if (cluster === undefined) {
    return undefined;
  }
  const isReady = records.some((record) => record.kind === 'ready');
  // Specs are processes of the run that started it.
  const isOthers = isAlive(cluster.starter) && !isOwnOrAbove(cluster.starter);
  if (isOthers && !(isReady && !cluster.endsWithStarter)) {
    const { pid } = cluster.starter;
    throw new Error(`Cannot use the local cluster: process ${pid} starts it or tests on it`);
  }
  const isAbandoned = cluster.endsWithStarter && !isAlive(cluster.starter);
  // A part that a fault has ended, and nobody started again, makes it remains too.
  const parts = [...latestProcesses(records).values()];
  const isWhole = parts.every(({ process: part }) => isAlive(part));
  return isReady && isWhole && !isAbandoned ? cluster : undefined;
}

/** Said before anything is built. */
export function requireRoot(): void {
  if (process.getuid?.() !== 0) {
    throw new Error('Cannot start the local cluster: it needs root, for containers and addresses');
  }
}

/** Starts a new one; remains of an old one are removed first. */
export async function startLocalCluster(options: LocalClusterOptions): Promise<ClusterRecord> {
  requireRoot();
  if (readJournal().length > 0) {
    options.say('removing what an earlier run has left');
  }
  await cleanUp();
  const nodes = addresses.nodeAddresses(options.nodes);
  const taken = await takenAddresses(nodes);
  if (taken.length > 0) {
    throw new Error(`Cannot start the local cluster: the host has its addresses: ${taken.join()}`);
  }
  const cluster: ClusterRecord = {
    kind: 'cluster',
    id: crypto.randomUUID(),
    logFolder: options.logFolder,
    programs: options.programs,
    nodes,
    starter: ownIdentity(),
    endsWithStarter: options.endsWithStarter,
  };
  openJournal();
  note(cluster);
  try {
    await start(cluster, options);
  } catch (error) {
    const logs = `its logs are in ${options.logFolder}`;
    const why = Error.isError(error) ? error.message : String(error);
    await cleanUp();
    throw new Error(`Cannot start the local cluster (${logs}): ${why}`, { cause: error });
  }
  return cluster;
}

async function start(cluster: ClusterRecord, options: LocalClusterOptions): Promise<void> {
  const { nodes } = cluster;
  note({ kind: 'namespaces', before: listNetworkNamespaces() });
  mkdirSync(dataFolder, { recursive: true, mode: 0o755 });
  makeCgroups(nodes.map((node) => node.name));
  await openNetwork(nodes);
  const reached = [addresses.apiAddress, addresses.apiServiceAddress, '127.0.0.1'];
  const pki = await makePki(pkiFolder, reached);
  const users = [...Object.values(componentUsers), ...nodes.map((node) => kubeletUser(node.name))];
  const credentials = makeCredentials(pkiFolder, { users, server, caFile: pki.ca });
  copyFileSync(credentials.kubeconfig(componentUsers.admin), kubeconfigFile);

  const settings = controlPlaneSettings(cluster, { pki, credentials });
  const parts = nodes.map((node) =>
    prepareNode({
      node,
      kubelet: cluster.programs['kubelet'] ?? '',
      kubeconfig: credentials.kubeconfig(kubeletUser(node.name)),
      caFile: pki.ca,
      logFolder: cluster.logFolder,
    }),
  );
  options.say('starting etcd, the API server and containerd');
  startLine(cluster, 'etcd', plane.etcdLine(settings));
  for (const { containerd } of parts) {
    startComponent(containerd);
  }
  startLine(cluster, 'kube-apiserver', plane.apiServerLine(settings));
  const client = new KubeClient(await kubeconfigConnection({ kubeconfig: kubeconfigFile }));
  try {
    await Promise.all([
      waitForApiServer(client),
      ...nodes.map(async (node) => {
        await waitForContainerd(node);
        await importImage(containerdSocket(node.name), options.pauseArchive);
      }),
    ]);
    options.say(`starting ${nodes.length} kubelets and the rest`);
    startLine(cluster, 'kube-controller-manager', plane.controllerManagerLine(settings));
    startLine(cluster, 'kube-scheduler', plane.schedulerLine(settings));
    for (const { kubelet } of parts) {
      await startKubelet(kubelet);
    }
    startServices(cluster, nodes, credentials.kubeconfig);
    await finish(client, nodes);
  } finally {
    client.close();
  }
  note({ kind: 'ready' });
}

function controlPlaneSettings(
  cluster: ClusterRecord,
  { pki, credentials }: { pki: ClusterPki; credentials: ControlPlaneSettings['credentials'] },
): ControlPlaneSettings {
  return {
    programs: cluster.programs,
    dataFolder,
    pki,
    credentials,
    apiAddress: addresses.apiAddress,
    apiPort: addresses.apiPort,
    etcdClientPort: addresses.loopbackPorts.etcdClient,
    etcdPeerPort: addresses.loopbackPorts.etcdPeer,
    controllerManagerPort: addresses.loopbackPorts.controllerManager,
    schedulerPort: addresses.loopbackPorts.scheduler,
    serviceRange: addresses.serviceRange,
    times: plane.defaultTimes,
  };
}

function startLine(cluster: ClusterRecord, name: string, line: ProgramLine): void {
  startComponent({ name, ...line, logFile: join(cluster.logFolder, `${name}.log`) });
}

function startServices(
  cluster: ClusterRecord,
  nodes: readonly NodeAddress[],
  kubeconfig: ControlPlaneSettings['credentials']['kubeconfig'],
): void {
  const [first] = nodes;
  if (first === undefined) {
    throw new Error('Cannot start services without a node');
  }
  const { logFolder, programs } = cluster;
  const services = {
    programs,
    server,
    logFolder,
    dnsKubeconfig: kubeconfig(componentUsers.admin),
    proxyKubeconfig: kubeconfig(componentUsers.proxy),
    node: first,
  };
  startComponent(prepareNameServer(services));
  startComponent(prepareProxy(services));
  startComponent({
    name: 'provisioner',
    program: process.execPath,
    args: [
      join(import.meta.dirname, 'volumes', 'provisioner.ts'),
      kubeconfig(componentUsers.admin),
    ],
    logFile: join(logFolder, 'provisioner.log'),
  });
}

/** Waits until pods can be scheduled, named and given volumes. */
async function finish(client: KubeClient, nodes: readonly NodeAddress[]): Promise<void> {
  for (const storageClass of storageClasses) {
    await client.apply(storageClass);
  }
  const dnsReady = `http://127.0.0.1:${addresses.loopbackPorts.dnsReady}/ready`;
  const proxyReady = `http://127.0.0.1:${addresses.loopbackPorts.proxyHealth}/healthz`;
  await Promise.all([
    waitForComponent('coredns', timeouts.component, () => answersOk(dnsReady)),
    waitForComponent('kube-proxy', timeouts.component, () => answersOk(proxyReady)),
    watchUntil<Node>(
      client,
      { apiVersion: 'v1', kind: 'Node' },
      {
        what: `${nodes.length} nodes to be Ready`,
        timeoutMs: timeouts.nodesReady,
        missing: (found) => {
          const ready = found.filter((node) => isTrue(node.status?.conditions, 'Ready'));
          return ready.length === nodes.length ? undefined : `${ready.length} are Ready`;
        },
      },
    ),
    until('the service account of namespace default', timeouts.component, () =>
      client.find({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        namespace: 'default',
        name: 'default',
      }),
    ),
  ]);
}

export async function waitForApiServer(client: KubeClient): Promise<void> {
  await waitForComponent('kube-apiserver', timeouts.component, async () => {
    return (await client.send({ method: 'GET', path: '/readyz', timeoutMs: 2_000 })) === 'ok';
  });
}

export async function waitForContainerd(node: NodeAddress): Promise<void> {
  const socket = containerdSocket(node.name);
  await waitForComponent(`containerd-${node.name}`, timeouts.component, async () => {
    return existsSync(socket) && (await run('ctr', ['-a', socket, 'version'])) !== '';
  });
}

async function answersOk(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await answer.body?.cancel();
  return answer.ok;
}
