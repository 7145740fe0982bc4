/**
 * The connection of a kubeconfig's context, as Kubernetes' own client library reads it: files,
 * tokens, programs that fetch credentials, OIDC, proxies, impersonation. The library takes as much
 * memory as the whole operator may (decision 0075), so it is loaded when a kubeconfig is used, and
 * by a path that leaves out most of it.
 */
import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { delimiter } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Access, KubeConnection } from './connection.ts';

export interface KubeconfigChoice {
  /** A file, or several with the system's separator; absent: $KUBECONFIG, then the home's. */
  readonly kubeconfig?: string | undefined;
  /** Absent: the current one. */
  readonly context?: string | undefined;
}

/** Rejects with a sentence when no cluster can be found in it. */
export async function kubeconfigConnection(choice: KubeconfigChoice): Promise<KubeConnection> {
  const config = await loadConfig(choice);
  const cluster = config.getCurrentCluster();
  const context = config.getContextObject(config.getCurrentContext());
  if (cluster === null || context === null) {
    const known = config.getContexts().map(({ name }) => name);
    throw new Error(
      `Cannot find the context "${config.getCurrentContext()}" in the kubeconfig: it has ` +
        (known.length === 0 ? 'none' : known.join(', ')),
    );
  }
  const isProxied = cluster.proxyUrl !== undefined;
  let last: Access['tls'] = {};
  return {
    server: cluster.server.replace(/\/$/, ''),
    namespace: context.namespace ?? 'default',
    access: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const tls = tlsOf(options);
      // Compared by content: the library reads files anew each time.
      last = isSame(tls, last) ? last : tls;
      const agent = isProxied && typeof options.agent === 'object' ? options.agent : undefined;
      return { tls: last, headers: headersOf(options), agent };
    },
  };
}

async function loadConfig({ kubeconfig, context }: KubeconfigChoice): Promise<KubeConfig> {
  const library = await import('@kubernetes/client-node/dist/config.js');
  const config = new library.KubeConfig();
  if (kubeconfig === undefined) {
    config.loadFromDefault();
  } else {
    const files = kubeconfig.split(delimiter).filter((file) => file !== '');
    const found = files.filter((file) => existsSync(file));
    if (found.length === 0) {
      throw new Error(`Cannot read the kubeconfig: there is no file ${files.join(', ')}`);
    }
    for (const file of found) {
      const more = new library.KubeConfig();
      more.loadFromFile(file);
      join(config, more);
    }
  }
  if (context !== undefined) {
    config.setCurrentContext(context);
  }
  return config;
}

/** Of entries with one name the first counts, as for kubectl. */
function join(config: KubeConfig, more: KubeConfig): void {
  const isNew =
    (known: readonly { readonly name: string }[]) =>
    ({ name }: { readonly name: string }): boolean =>
      !known.some((each) => each.name === name);
  const current: string | undefined = config.getCurrentContext();
  if (current === undefined || current === '') {
    config.setCurrentContext(more.getCurrentContext());
  }
  more
    .getClusters()
    .filter(isNew(config.getClusters()))
    .forEach((each) => config.addCluster(each));
  more
    .getUsers()
    .filter(isNew(config.getUsers()))
    .forEach((each) => config.addUser(each));
  more
    .getContexts()
    .filter(isNew(config.getContexts()))
    .forEach((each) => config.addContext(each));
}

function tlsOf(options: RequestOptions): Access['tls'] {
  const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
  const all = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function headersOf({ headers, auth }: RequestOptions): Readonly<Record<string, string>> {
  const basic =
    typeof auth === 'string'
      ? { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` }
      : {};
  const given = Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]);
  return { ...basic, ...(Object.fromEntries(given) as Record<string, string>) };
}

function isSame(a: Access['tls'], b: Access['tls']): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
