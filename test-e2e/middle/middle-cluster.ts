/**
 * The middle tier: a real etcd, API server, controller manager and scheduler, and fake kubelets
 * (`fake-nodes.ts`). It needs neither root nor images, starts in seconds, and runs beside any
 * cluster: for crash points, stale caches and other cases that need the API's exact behaviour and no
 * containers. Everything is on loopback, on ports that are free, in a temporary folder.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeClient } from '../lib/kube-client.ts';
import { isKubeError } from '../../operator/kube/kube-error.ts';
import type { KubeConnection } from '../../operator/kube/connection.ts';
import { TcpProxy } from '../lib/tcp-proxy.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until } from '../lib/waiting.ts';
import { makePki } from '../local/certificates.ts';
import * as plane from '../local/control-plane.ts';
import type { ControlPlaneSettings, ProgramLine } from '../local/control-plane.ts';
import { componentUsers, kubeconfigText, makeCredentials } from '../local/credentials.ts';
import { storageClasses } from '../local/volumes/storage-classes.ts';
import { ChildComponent } from './child-component.ts';
import { FakeNodes } from './fake-nodes.ts';
import { findFreePorts } from './free-ports.ts';

export interface MiddleOptions {
  /** Programs by name, from `getPrograms(middleModules)`. */
  readonly programs: Readonly<Record<string, string>>;
  /** Where the logs go. */
  readonly logFolder: string;
  readonly nodes?: number;
}

const host = '127.0.0.1';
/** Addresses that Services get; nobody dials them. */
const serviceRange = '198.19.0.0/16';
/** Fake nodes send no heartbeats: nothing may come of that. */
const times: plane.ClusterTimes = { nodeGraceSeconds: 86_400, tolerationSeconds: 86_400 };

export class MiddleCluster {
  readonly etcd: ChildComponent;
  readonly apiServer: ChildComponent;
  readonly controllerManager: ChildComponent;
  readonly scheduler: ChildComponent;
  readonly client: KubeClient;
  readonly nodes: FakeNodes;
  readonly connection: KubeConnection;
  /** The API server once more, behind a proxy that can be told to misbehave. */
  readonly proxy: TcpProxy;
  readonly #folder: string;
  readonly #caText: string;
  readonly #token: string;

  private constructor(parts: {
    readonly settings: ControlPlaneSettings;
    readonly folder: string;
    readonly options: MiddleOptions;
    readonly proxy: TcpProxy;
  }) {
    const { settings, folder, options, proxy } = parts;
    this.#folder = folder;
    this.proxy = proxy;
    this.#caText = readFileSync(settings.pki.ca, 'utf8');
    this.#token = settings.credentials.adminToken;
    const server = `https://${host}:${settings.apiPort}`;
    const access = {
      tls: { ca: this.#caText },
      headers: { Authorization: `Bearer ${this.#token}` },
    };
    this.connection = {
      ...{ server, namespace: 'default' },
      access: async () => await Promise.resolve(access),
    };
    this.client = new KubeClient(this.connection);
    this.nodes = new FakeNodes(this.client, options.nodes ?? 3);
    const component = (
      name: string,
      line: ProgramLine,
      answers: () => Promise<boolean>,
    ): ChildComponent =>
      new ChildComponent({ name, line, logFile: join(options.logFolder, `${name}.log`), answers });
    this.etcd = component('etcd', plane.etcdLine(settings), async () => {
      return await answersOk(`http://${host}:${settings.etcdClientPort}/health`);
    });
    this.apiServer = component('kube-apiserver', plane.apiServerLine(settings), async () => {
      const path = '/readyz';
      return (await this.client.send({ method: 'GET', path, timeoutMs: 2_000 })) === 'ok';
    });
    // Both serve over TLS with certificates of their own making: that they run is enough here, and
    // what needs them waits for what they do.
    this.controllerManager = component(
      'kube-controller-manager',
      plane.controllerManagerLine(settings),
      async () => await Promise.resolve(true),
    );
    this.scheduler = component(
      'kube-scheduler',
      plane.schedulerLine(settings),
      async () => await Promise.resolve(true),
    );
  }

  static async start(options: MiddleOptions): Promise<MiddleCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'dynakv-middle-'));
    mkdirSync(options.logFolder, { recursive: true });
    const [apiPort = 0, etcdClientPort = 0, etcdPeerPort = 0, ...others] = await findFreePorts(5);
    const [controllerManagerPort = 0, schedulerPort = 0] = others;
    const pki = await makePki(join(folder, 'pki'), [host]);
    const credentials = makeCredentials(join(folder, 'pki'), {
      users: Object.values(componentUsers),
      server: `https://${host}:${apiPort}`,
      caFile: pki.ca,
    });
    const settings: ControlPlaneSettings = {
      ...{ programs: options.programs, dataFolder: folder, pki, credentials, apiAddress: host },
      ...{ apiPort, etcdClientPort, etcdPeerPort, controllerManagerPort, schedulerPort },
      ...{ serviceRange, times },
    };
    const proxy = await TcpProxy.start({ host, port: apiPort });
    const cluster = new MiddleCluster({ settings, folder, options, proxy });
    try {
      await cluster.#start();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** A kubeconfig (text) for programs under test; by way of the proxy if wanted. */
  kubeconfig(way: 'direct' | 'proxy' = 'direct'): string {
    const server = way === 'direct' ? this.connection.server : `https://${host}:${this.proxy.port}`;
    const ca = Buffer.from(this.#caText).toString('base64');
    return kubeconfigText({ server, ca, token: this.#token });
  }

  /** A client by way of the proxy. */
  proxiedClient(): KubeClient {
    return new KubeClient({ ...this.connection, server: `https://${host}:${this.proxy.port}` });
  }

  /** The API server is gone while `body` runs. */
  async withoutApiServer(body: () => Promise<void>): Promise<void> {
    await this.apiServer.stop('SIGKILL');
    try {
      await body();
    } finally {
      await this.apiServer.start();
    }
  }

  async stop(): Promise<void> {
    await this.nodes.stop();
    this.client.close();
    await this.proxy.close();
    for (const part of [this.scheduler, this.controllerManager, this.apiServer, this.etcd]) {
      // Nothing of it is kept: there is nothing to put in order.
      await part.stop('SIGKILL');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    await this.etcd.start();
    await this.apiServer.start();
    await Promise.all([this.controllerManager.start(), this.scheduler.start()]);
    await until('storage classes to be taken', timeouts.component, async () => {
      for (const storageClass of storageClasses) {
        await this.client.apply(storageClass);
      }
      return true;
    });
    await this.nodes.start();
    await until('a service account for pods', timeouts.component, async () => {
      try {
        return await this.client.get({
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          namespace: 'default',
          name: 'default',
        });
      } catch (error) {
        if (isKubeError(error, 404)) {
          return undefined;
        }
        throw error;
      }
    });
  }
}

async function answersOk(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await answer.body?.cancel();
  return answer.ok;
}
