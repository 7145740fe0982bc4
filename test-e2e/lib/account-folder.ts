/**
 * Lets a program of this host find the API server as it would in a pod: by the files of a service
 * account and two variables. That is the way of the deployed operator, and it is light, which
 * matters where its memory is measured or where it is started a hundred times.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data'?: string };
  }[];
  readonly users: readonly { readonly user: { readonly token?: string } }[];
}

/**
 * The environment for it, from a kubeconfig; the kubeconfig itself where that has no token, or is
 * not JSON, as those of the clusters that we start are.
 */
export function accountEnvironment(
  kubeconfig: string,
  folder: string,
): Readonly<Record<string, string>> {
  const config = parse(readFileSync(kubeconfig, 'utf8'));
  const cluster = config?.clusters[0]?.cluster;
  const token = config?.users[0]?.user.token;
  const ca = cluster?.['certificate-authority-data'];
  const server = cluster === undefined ? undefined : new URL(cluster.server);
  if (
    token === undefined ||
    ca === undefined ||
    server === undefined ||
    isIP(server.hostname) === 0
  ) {
    return { KUBECONFIG: kubeconfig };
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = { token, 'ca.crt': Buffer.from(ca, 'base64'), namespace: 'default' };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  }
  return {
    KUBERNETES_SERVICE_HOST: server.hostname,
    KUBERNETES_SERVICE_PORT: server.port === '' ? '443' : server.port,
    DYNAKV_OPERATOR_ACCOUNT_FOLDER: folder,
  };
}

function parse(text: string): Kubeconfig | undefined {
  try {
    return JSON.parse(text) as Kubeconfig;
  } catch {
    return undefined;
  }
}
