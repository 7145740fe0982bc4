// Goal: a connection from the files of a service account, which change, and from a kubeconfig.
import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directConnection, podConnection } from './connection.ts';

describe('podConnection()', () => {
  test('there is none outside of a cluster', () => {
    expect(podConnection({}, () => 0)).toBeUndefined();
  });

  test('reads the files of the service account, and a renewed token again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dynakv-account-'));
    try {
      const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
      write('token', 'first\n');
      write('ca.crt', 'CA');
      write('namespace', 'databases');
      let nowMs = 0;
      const env = { KUBERNETES_SERVICE_HOST: '2001:db8::1', KUBERNETES_SERVICE_PORT: '6443' };
      const connection = podConnection(env, () => nowMs, folder);
      expect(connection).toMatchObject({
        ...{ server: 'https://[2001:db8::1]:6443', ca: 'CA', namespace: 'databases' },
      });
      write('token', 'second');
      expect(connection?.token?.()).toBe('first');
      nowMs = 11_000;
      expect(connection?.token?.()).toBe('second');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('directConnection()', () => {
  const server = 'https://192.0.2.1:6443/';
  const encode = (text: string): string => Buffer.from(text).toString('base64');

  test('takes a token, or a certificate with its key', () => {
    const clusters = [{ cluster: { server, 'certificate-authority-data': encode('CA') } }];
    const byToken = directConnection({ clusters, users: [{ user: { token: 't' } }] });
    expect(byToken).toMatchObject({ server: 'https://192.0.2.1:6443', ca: 'CA' });
    expect(byToken?.token?.()).toBe('t');
    const pair = { 'client-certificate-data': encode('C'), 'client-key-data': encode('K') };
    expect(directConnection({ clusters, users: [{ user: pair }] })).toMatchObject({
      ...{ cert: 'C', key: 'K', namespace: 'default' },
    });
  });

  test('leaves programs and proxies to kubectl', () => {
    const cluster = { server, 'proxy-url': 'http://192.0.2.2' };
    expect(directConnection({ clusters: [{ cluster: { server } }], users: [] })).toBeUndefined();
    const user = { token: 't' };
    expect(directConnection({ clusters: [{ cluster }], users: [{ user }] })).toBeUndefined();
  });
});
