/**
 * A database as the plugin finds it, for tests: a DynamoCluster, pods and Secrets in a testing API
 * server; nodes that answer over mutual TLS on loopback; and a program in place of kubectl that
 * forwards ports to them.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AdminHandlers } from '../../node/admin/grpc-admin.ts';
import { adminService } from '../../node/admin/grpc-admin.ts';
import { silentLogger } from '../../node/sys/log.ts';
import { realTimers } from '../../node/sys/real/timers.ts';
import { TestNode } from '../../node/transport/test-node.ts';
import { TlsMaterial } from '../../node/transport/tls.ts';
import { createAuthority, issueCertificate } from '../certificates/authority.ts';
import type { KubeObject } from '../api/kube-object.ts';
import { objectNames, podName, selectorLabels } from '../api/names.ts';
import { operatorCertificateNames, peerCertificateNames } from '../desired/certificate-names.ts';
import type { PemPair } from '../desired/secrets.ts';
import { TestingApiServer } from '../kube/testing-api-server.ts';
import { testingCluster } from '../test/testing-cluster.ts';

const namespace = 'default';

export class TestingDatabase {
  readonly api: TestingApiServer;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly kubectl: string;
  readonly #authority: PemPair;
  readonly #ends: (() => Promise<void> | void)[] = [];
  readonly #addresses: Record<string, string> = {};

  private constructor(api: TestingApiServer, authority: PemPair, folder: string) {
    this.api = api;
    this.#authority = authority;
    this.folder = folder;
    this.kubeconfig = join(folder, 'kubeconfig');
    this.kubectl = join(folder, 'kubectl');
  }

  static async start(): Promise<TestingDatabase> {
    const api = await TestingApiServer.start();
    const authority = await createAuthority('authority of the test', Date.now());
    const folder = mkdtempSync(join(tmpdir(), 'dynakv-plugin-'));
    const self = new TestingDatabase(api, authority, folder);
    self.#writeKubeconfig();
    self.#writeKubectl();
    return self;
  }

  /** A DynamoCluster with its Secrets. */
  async addCluster(name: string): Promise<void> {
    const cluster = testingCluster({}, name);
    const nowMs = Date.now();
    const names = operatorCertificateNames(cluster);
    const pair = await issueCertificate(this.#authority, { names, use: 'client', nowMs });
    const { caBundleSecret, operatorTlsSecret } = objectNames(name);
    this.#put('/apis/dynakv.dev/v1alpha1', 'dynamoclusters', cluster);
    this.#putSecret(caBundleSecret, { 'ca.crt': this.#authority.certificate });
    this.#putSecret(operatorTlsSecret, { 'tls.crt': pair.certificate, 'tls.key': pair.key });
  }

  /** A pod; with handlers its node answers, without it does not listen. */
  async addPod(
    cluster: string,
    ordinal: number,
    options: { readonly ready: boolean; readonly node?: AdminHandlers },
  ): Promise<void> {
    const name = podName(cluster, ordinal);
    const { ready, node } = options;
    const status = ready ? 'True' : 'False';
    this.#put('/api/v1', 'pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels: selectorLabels(cluster) },
      status: { podIP: '127.0.0.1', conditions: [{ type: 'Ready', status }] },
    });
    if (node !== undefined) {
      this.#addresses[name] = await this.#startNode(cluster, node);
      writeFileSync(join(this.folder, 'addresses.json'), JSON.stringify(this.#addresses));
    }
  }

  async stop(): Promise<void> {
    for (const end of this.#ends.splice(0)) {
      await end();
    }
    await this.api.stop();
    rmSync(this.folder, { recursive: true });
  }

  async #startNode(cluster: string, handlers: AdminHandlers): Promise<string> {
    const names = peerCertificateNames(testingCluster({}, cluster));
    const nowMs = Date.now();
    const pair = await issueCertificate(this.#authority, { names, use: 'both', nowMs });
    const write = (name: string, text: string): string => {
      const file = join(this.folder, name);
      writeFileSync(file, text);
      return file;
    };
    const material = await TlsMaterial.open({
      files: {
        caFile: write('ca.crt', this.#authority.certificate),
        certFile: write('tls.crt', pair.certificate),
        keyFile: write('tls.key', pair.key),
      },
      ...{ timers: realTimers, log: silentLogger },
    });
    const node = await TestNode.open({
      ...{ nodeId: 1, credentials: material, services: [adminService(handlers)] },
    });
    this.#ends.push(async () => {
      await node.close();
      material.close();
    });
    return node.address;
  }

  #put(group: string, plural: string, object: KubeObject): void {
    this.api.put(`${group}/namespaces/${namespace}/${plural}`, object);
  }

  #putSecret(name: string, texts: Readonly<Record<string, string>>): void {
    const data = Object.fromEntries(
      Object.entries(texts).map(([entry, text]) => [entry, Buffer.from(text).toString('base64')]),
    );
    const metadata = { name, namespace };
    this.#put('/api/v1', 'secrets', { apiVersion: 'v1', kind: 'Secret', metadata, data });
  }

  #writeKubeconfig(): void {
    const cluster = { server: this.api.url, 'insecure-skip-tls-verify': true };
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test' },
      clusters: [{ name: 'test', cluster }],
      users: [{ name: 'test', user: { token: 'token' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    };
    writeFileSync(this.kubeconfig, JSON.stringify(config));
  }

  /** `kubectl … port-forward … pod/NAME :7000`; it notes its command lines. */
  #writeKubectl(): void {
    const program = `#!${process.execPath}
      const { appendFileSync, readFileSync } = require('node:fs');
      const { connect, createServer } = require('node:net');
      const args = process.argv.slice(2);
      appendFileSync('${this.folder}/lines', args.join(' ') + '\\n');
      const pod = args.find((arg) => arg.startsWith('pod/')).slice(4);
      const address = JSON.parse(readFileSync('${this.folder}/addresses.json', 'utf8'))[pod];
      if (address === undefined) {
        process.stderr.write('error: unable to forward port because pod is not running\\n');
        process.exit(1);
      }
      const [host, port] = address.split(':');
      const server = createServer((socket) => {
        const node = connect(Number(port), host);
        socket.pipe(node).pipe(socket);
        socket.on('error', () => node.destroy());
        node.on('error', () => socket.destroy());
      });
      server.listen(0, '127.0.0.1', () => {
        const { port: local } = server.address();
        process.stdout.write('Forwarding from 127.0.0.1:' + local + ' -> 7000\\n');
      });
    `;
    writeFileSync(this.kubectl, program);
    chmodSync(this.kubectl, 0o755);
  }
}
