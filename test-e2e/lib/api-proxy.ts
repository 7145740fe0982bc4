/**
 * A way to a cluster's API server that can be told to misbehave: a TCP proxy, and a kubeconfig that
 * leads through it. For controllers that run as processes of this host.
 */
import { isIP } from 'node:net';
import { run } from './command.ts';
import { TcpProxy } from './tcp-proxy.ts';

export interface ApiProxy {
  readonly proxy: TcpProxy;
  /** The kubeconfig's text, as JSON. */
  readonly kubeconfig: string;
}

interface ClusterEntry {
  readonly cluster: { readonly server: string };
}

/** Starts a proxy in front of the server of the kubeconfig's current context. */
export async function startApiProxy(kubectl: string, kubeconfig: string): Promise<ApiProxy> {
  const text = await run(kubectl, [
    ...['--kubeconfig', kubeconfig],
    ...['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'],
  ]);
  const config = JSON.parse(text) as { readonly clusters: readonly ClusterEntry[] };
  const server = new URL(config.clusters[0]?.cluster.server ?? '');
  const port = Number(server.port === '' ? 443 : server.port);
  const proxy = await TcpProxy.start({ host: server.hostname, port });
  const through = `${server.protocol}//127.0.0.1:${proxy.port}`;
  // Our clusters' certificates are for 127.0.0.1 too; others' are for the name that was dialled.
  const name = isIP(server.hostname) === 0 ? { 'tls-server-name': server.hostname } : {};
  const clusters = config.clusters.map((entry) => ({
    ...entry,
    cluster: { ...entry.cluster, server: through, ...name },
  }));
  return { proxy, kubeconfig: `${JSON.stringify({ ...config, clusters }, null, 2)}\n` };
}
