/**
 * Keys and certificates of one cluster, made anew each time by openssl: an authority, the API
 * server's certificate, the one it shows to kubelets, and the key pair that signs service account
 * tokens. They live for a few days; nothing trusts them but this cluster.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/command.ts';

export interface ClusterPki {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly kubeletClientCert: string;
  readonly kubeletClientKey: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
}

/** Longer than any run. */
const days = '7';
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];

/** Makes all files in a folder; `addresses` are what the API server is reached by. */
export async function makePki(folder: string, addresses: readonly string[]): Promise<ClusterPki> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = (name: string): string => join(folder, name);
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-subj', '/CN=dynakv-e2e', '-days', days],
    ...['-addext', 'keyUsage=critical,keyCertSign,digitalSignature'],
    ...['-keyout', path('ca.key'), '-out', path('ca.crt')],
  ]);
  const names = [
    ...['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    ...['kubernetes.default.svc.cluster.local', 'localhost'],
  ].map((name) => `DNS:${name}`);
  const alternatives = [...names, ...addresses.map((address) => `IP:${address}`)].join(',');
  await Promise.all([
    sign(folder, 'server', '/CN=kube-apiserver', [
      `subjectAltName=${alternatives}`,
      'extendedKeyUsage=serverAuth',
    ]),
    sign(folder, 'kubelet-client', '/O=system:masters/CN=kube-apiserver-kubelet-client', [
      'extendedKeyUsage=clientAuth',
    ]),
    run('openssl', ['genrsa', '-out', path('sa.key'), '2048']).then(() =>
      run('openssl', ['rsa', '-in', path('sa.key'), '-pubout', '-out', path('sa.pub')]),
    ),
  ]);
  return {
    ca: path('ca.crt'),
    serverCert: path('server.crt'),
    serverKey: path('server.key'),
    kubeletClientCert: path('kubelet-client.crt'),
    kubeletClientKey: path('kubelet-client.key'),
    serviceAccountKey: path('sa.key'),
    serviceAccountPublicKey: path('sa.pub'),
  };
}

async function sign(
  folder: string,
  name: string,
  subject: string,
  extensions: readonly string[],
): Promise<void> {
  const path = (suffix: string): string => join(folder, `${name}.${suffix}`);
  writeFileSync(path('ext'), `${extensions.join('\n')}\n`);
  await run('openssl', [
    ...['req', '-new', ...newKey, '-subj', subject, '-keyout', path('key'), '-out', path('csr')],
  ]);
  await run('openssl', [
    ...['x509', '-req', '-in', path('csr'), '-days', days, '-extfile', path('ext')],
    ...['-CA', join(folder, 'ca.crt'), '-CAkey', join(folder, 'ca.key')],
    // Two are signed at once: each draws its own number instead of counting in a shared file.
    ...['-set_serial', `0x${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`],
    ...['-out', path('crt')],
  ]);
}
