/** Goal: what the operator reads in a pod, made from kubeconfigs as the clusters here have them. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { podConnection } from '../../operator/kube/pod-connection.ts';
import { accountEnvironment } from './account-folder.ts';

let folder = '';

function kubeconfigOf(server: string): string {
  const cluster = { server, 'certificate-authority-data': Buffer.from('CA').toString('base64') };
  return JSON.stringify({ clusters: [{ cluster }], users: [{ user: { token: 't' } }] });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dynakv-account-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('accountEnvironment()', () => {
  test('is what a pod has, as the operator reads it', async () => {
    const file = join(folder, 'kubeconfig');
    writeFileSync(file, kubeconfigOf('https://192.0.2.1:6443'));
    const env = accountEnvironment(file, join(folder, 'account'));
    const connection = podConnection(env, () => 0, env['DYNAKV_OPERATOR_ACCOUNT_FOLDER']);
    expect(connection?.server).toBe('https://192.0.2.1:6443');
    expect(await connection?.access?.()).toEqual({
      ...{ tls: { ca: 'CA' }, headers: { Authorization: 'Bearer t' } },
    });
  });

  test('is the kubeconfig itself where there is no token, a name, or YAML', () => {
    const write = (name: string, text: string): string => {
      const file = join(folder, name);
      writeFileSync(file, text);
      return file;
    };
    const named = kubeconfigOf('https://api.example:6443');
    const files = [
      write('yaml', 'apiVersion: v1\nkind: Config\n'),
      write('no-token', JSON.stringify({ clusters: [], users: [{ user: {} }] })),
      write('named', named),
    ];
    for (const file of files) {
      expect(accountEnvironment(file, join(folder, 'account'))).toEqual({ KUBECONFIG: file });
    }
    expect(() => readFileSync(join(folder, 'account', 'token'))).toThrow();
  });
});
