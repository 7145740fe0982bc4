/**
 * Who may talk to the API server: bearer tokens drawn anew for each cluster, and a kubeconfig for
 * each. Components have the identities that Kubernetes' own roles are bound to.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface User {
  /** Name of the kubeconfig file. */
  readonly file: string;
  readonly name: string;
  readonly group?: string;
}

export const componentUsers = {
  admin: { file: 'admin', name: 'dynakv-e2e-admin', group: 'system:masters' },
  controllerManager: { file: 'controller-manager', name: 'system:kube-controller-manager' },
  scheduler: { file: 'scheduler', name: 'system:kube-scheduler' },
  proxy: { file: 'proxy', name: 'system:kube-proxy' },
} as const satisfies Record<string, User>;

export function kubeletUser(node: string): User {
  return { file: `kubelet-${node}`, name: `system:node:${node}`, group: 'system:nodes' };
}

export interface Credentials {
  /** For `--token-auth-file`. */
  readonly tokenFile: string;
  readonly adminToken: string;
  /** The kubeconfig of a user that was asked for. */
  readonly kubeconfig: (user: User) => string;
}

/** Writes the tokens and kubeconfigs of all users. */
export function makeCredentials(
  folder: string,
  options: { readonly users: readonly User[]; readonly server: string; readonly caFile: string },
): Credentials {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ca = readFileSync(options.caFile).toString('base64');
  const tokens = new Map(options.users.map((user) => [user, randomBytes(24).toString('hex')]));
  const lines: string[] = [];
  for (const [user, token] of tokens) {
    const group = 'group' in user ? `,"${user.group}"` : '';
    lines.push(`${token},${user.name},${user.file}${group}`);
    const file = kubeconfigPath(folder, user);
    writeFileSync(file, kubeconfigText({ server: options.server, ca, token }), { mode: 0o600 });
  }
  const tokenFile = join(folder, 'tokens.csv');
  writeFileSync(tokenFile, `${lines.join('\n')}\n`, { mode: 0o600 });
  return {
    tokenFile,
    adminToken: tokens.get(componentUsers.admin) ?? '',
    kubeconfig: (user) => kubeconfigPath(folder, user),
  };
}

function kubeconfigPath(folder: string, user: User): string {
  return join(folder, `${user.file}.kubeconfig`);
}

/** A kubeconfig, as JSON: which is YAML. */
export function kubeconfigText(options: {
  readonly server: string;
  readonly ca: string;
  readonly token: string;
}): string {
  const name = 'dynakv-e2e';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name, cluster: { server: options.server, 'certificate-authority-data': options.ca } },
    ],
    users: [{ name, user: { token: options.token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
