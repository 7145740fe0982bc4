/**
 * Where an API server is and how to be known there, read from a kubeconfig by kubectl itself.
 * Certificates, keys and tokens in it are used directly; for everything else (programs that fetch
 * credentials, proxies) kubectl's own `proxy` stands in between, on a socket of its own.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './command.ts';
import { timeouts } from './timeouts.ts';
import { until } from './waiting.ts';

export interface KubeConnection {
  /** `https://host:port`, or `http://localhost` with `socketPath`. */
  readonly server: string;
  readonly socketPath?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  readonly insecure?: boolean;
  /** The name in the server's certificate, if it is not the one that is dialled. */
  readonly serverName?: string;
  /** Ends what stands between, if anything. */
  readonly close?: () => void;
}

interface KubeconfigView {
  readonly clusters: readonly {
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
}

const decode = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

/** The connection of the kubeconfig's current context. */
export async function connectionOf(kubectl: string, kubeconfig: string): Promise<KubeConnection> {
  const text = await run(kubectl, [
    ...['--kubeconfig', kubeconfig],
    ...['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'],
  ]);
  return directConnection(JSON.parse(text) as KubeconfigView) ?? (await proxy(kubectl, kubeconfig));
}

/** What can be used without kubectl; undefined if it takes more than files and tokens. */
export function directConnection(view: KubeconfigView): KubeConnection | undefined {
  const cluster = view.clusters[0]?.cluster;
  const user = view.users?.[0]?.user;
  const cert = user?.['client-certificate-data'];
  const key = user?.['client-key-data'];
  const hasKeyPair = cert !== undefined && key !== undefined;
  if (
    cluster === undefined ||
    cluster['proxy-url'] !== undefined ||
    (user?.token === undefined && !hasKeyPair)
  ) {
    return undefined;
  }
  const { 'certificate-authority-data': ca, 'tls-server-name': serverName } = cluster;
  return {
    server: cluster.server.replace(/\/$/, ''),
    ...(ca === undefined ? {} : { ca: decode(ca) }),
    ...(hasKeyPair ? { cert: decode(cert), key: decode(key) } : {}),
    ...(user?.token === undefined ? {} : { token: user.token }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true } : {}),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

async function proxy(kubectl: string, kubeconfig: string): Promise<KubeConnection> {
  const folder = mkdtempSync(join(tmpdir(), 'dynakv-e2e-'));
  const socketPath = join(folder, 'api.sock');
  const child = spawn(
    kubectl,
    ['--kubeconfig', kubeconfig, 'proxy', '--reject-paths=^$', `--unix-socket=${socketPath}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const close = (): void => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  child.on('error', () => undefined);
  try {
    await until('kubectl proxy to listen', timeouts.component, () =>
      said.includes('Starting to serve') ? true : undefined,
    );
  } catch (error) {
    close();
    throw error;
  }
  return { server: 'http://localhost', socketPath, close };
}
