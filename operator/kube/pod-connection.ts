/**
 * The connection of a pod's service account: three files, of which the kubelet renews the token.
 * Why not `KubeConfig.loadFromCluster`, which reads the same files: decision 0075.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeConnection } from './connection.ts';

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet renews a token long before it ends. */
const tokenMsMax = 10_000;

/** Undefined outside of a cluster. */
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
  const tls = { ca: read('ca.crt') };
  let token = read('token');
  let readAtMs = nowMs();
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: read('namespace'),
    access: async () => {
      if (nowMs() - readAtMs > tokenMsMax) {
        token = read('token');
        readAtMs = nowMs();
      }
      return await Promise.resolve({ tls, headers: { Authorization: `Bearer ${token}` } });
    },
  };
}
