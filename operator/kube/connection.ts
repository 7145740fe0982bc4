/**
 * Where the API server is and how to be known there. In a pod: the files of the service account,
 * read again as they are renewed. Elsewhere: a kubeconfig, which kubectl itself reads; a context
 * that needs more than certificates and tokens (programs, proxies) is reached through `kubectl
 * proxy` on a socket of its own. Why no client library: decision 0063.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface KubeConnection {
  /** `https://host:port`, or `http://localhost` with `socketPath`. */
  readonly server: string;
  readonly socketPath?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Read for each request: tokens are short-lived. */
  readonly token?: () => string;
  readonly insecure?: boolean;
  /** The name in the server's certificate, if it is not the one dialled. */
  readonly serverName?: string;
  /** The namespace of the service account or of the context. */
  readonly namespace: string;
  /** Ends what stands between, if anything. */
  readonly close?: () => void;
}

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet renews a token long before it ends. */
const tokenMsMax = 10_000;
const kubectlMsMax = 10_000;

/** The connection of a pod's service account; undefined outside of a cluster. */
export function podConnection(
  env: Readonly<Record<string, string | undefined>>,
  nowMs: () => number,
  folder = accountFolder,
): KubeConnection | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === undefined || host === '') {
    return undefined;
  }
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
  let token = read('token');
  let readAtMs = nowMs();
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: read('ca.crt'),
    namespace: read('namespace'),
    token: () => {
      if (nowMs() - readAtMs > tokenMsMax) {
        token = read('token');
        readAtMs = nowMs();
      }
      return token;
    },
  };
}

interface KubeconfigView {
  readonly clusters?: readonly {
    readonly cluster: {
      readonly server: string;
      readonly 'certificate-authority-data'?: string;
      readonly 'insecure-skip-tls-verify'?: boolean;
      readonly 'proxy-url'?: string;
      readonly 'tls-server-name'?: string;
    };
  }[];
  readonly users?: readonly {
    readonly user: {
      readonly token?: string;
      readonly 'client-certificate-data'?: string;
      readonly 'client-key-data'?: string;
    };
  }[];
  readonly contexts?: readonly { readonly context: { readonly namespace?: string } }[];
}

/** The connection of a kubeconfig's context; without a file, of kubectl's own default. */
export async function kubeconfigConnection(options: {
  readonly kubectl?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}): Promise<KubeConnection> {
  const { kubectl = 'kubectl', kubeconfig, context } = options;
  const which = [
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
  ];
  const line = [...which, 'config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'];
  const { stdout } = await promisify(execFile)(kubectl, line, { timeout: kubectlMsMax });
  const view = JSON.parse(stdout) as KubeconfigView;
  return directConnection(view) ?? (await proxyConnection(kubectl, which, view));
}

const decode = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

function namespaceOf(view: KubeconfigView): string {
  return view.contexts?.[0]?.context.namespace ?? 'default';
}

/** What can be used without kubectl; undefined if it takes more than files and tokens. */
export function directConnection(view: KubeconfigView): KubeConnection | undefined {
  const cluster = view.clusters?.[0]?.cluster;
  const user = view.users?.[0]?.user;
  const cert = user?.['client-certificate-data'];
  const key = user?.['client-key-data'];
  const token = user?.token;
  const hasKeyPair = cert !== undefined && key !== undefined;
  if (
    cluster === undefined ||
    cluster['proxy-url'] !== undefined ||
    (token === undefined && !hasKeyPair)
  ) {
    return undefined;
  }
  const { 'certificate-authority-data': ca, 'tls-server-name': serverName } = cluster;
  return {
    server: cluster.server.replace(/\/$/, ''),
    namespace: namespaceOf(view),
    ...(ca === undefined ? {} : { ca: decode(ca) }),
    ...(hasKeyPair ? { cert: decode(cert), key: decode(key) } : {}),
    ...(token === undefined ? {} : { token: () => token }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true } : {}),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

async function proxyConnection(
  kubectl: string,
  which: readonly string[],
  view: KubeconfigView,
): Promise<KubeConnection> {
  const folder = mkdtempSync(join(tmpdir(), 'dynakv-operator-'));
  const socketPath = join(folder, 'api.sock');
  const line = [...which, 'proxy', '--reject-paths=^$', `--unix-socket=${socketPath}`];
  const child = spawn(kubectl, line, { stdio: ['ignore', 'pipe', 'inherit'] });
  const close = (): void => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  await new Promise<void>((resolve, reject) => {
    const late = AbortSignal.timeout(kubectlMsMax);
    late.addEventListener('abort', () => reject(new Error('kubectl proxy did not start in 10 s')));
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`kubectl proxy ended with code ${code ?? 0}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString('utf8').includes('Starting to serve')) {
        resolve();
      }
    });
  }).catch((error: unknown) => {
    close();
    throw error;
  });
  return { server: 'http://localhost', socketPath, namespace: namespaceOf(view), close };
}
