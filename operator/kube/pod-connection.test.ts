// Goal: a connection from the files of a service account, of which the token changes.
import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { podConnection } from './pod-connection.ts';

describe('podConnection()', () => {
  test('there is none outside of a cluster', () => {
    expect(podConnection({}, () => 0)).toBeUndefined();
  });

  test('reads the files of the service account, and a renewed token again', async () => {
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
        ...{ server: 'https://[2001:db8::1]:6443', namespace: 'databases' },
      });
      const first = await connection?.access?.();
      expect(first).toEqual({ tls: { ca: 'CA' }, headers: { Authorization: 'Bearer first' } });
      write('token', 'second');
      expect((await connection?.access?.())?.headers['Authorization']).toBe('Bearer first');
      nowMs = 11_000;
      const second = await connection?.access?.();
      expect(second?.headers['Authorization']).toBe('Bearer second');
      // Connections are kept for one and the same object.
      expect(second?.tls).toBe(first?.tls);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
