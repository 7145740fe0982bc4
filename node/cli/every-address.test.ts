/** Which address is listened on, with and without the newer address family. */
import { describe, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { listenAddress } from './every-address.ts';

describe('listenAddress()', () => {
  test('"::" becomes "0.0.0.0" where it cannot be had, and nothing else changes', async () => {
    const without = async (): Promise<boolean> => false;
    const hostOf = async (host: string): Promise<string> =>
      (await listenAddress({ host, port: 8_000 }, without)).host;
    expect(await hostOf('::')).toBe('0.0.0.0');
    expect(await hostOf('0:0:0:0:0:0:0:0')).toBe('0.0.0.0');
    expect(await hostOf('::1')).toBe('::1');
    expect(await hostOf('127.0.0.1')).toBe('127.0.0.1');
    expect(await hostOf('0.0.0.0')).toBe('0.0.0.0');
  });

  test('where it can be had it stays, and what is answered can be listened on here', async () => {
    expect(await listenAddress({ host: '::', port: 1 }, async () => true)).toEqual({
      host: '::',
      port: 1,
    });
    const { host } = await listenAddress({ host: '::', port: 0 });
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port: 0 }, resolve);
    });
    expect((server.address() as AddressInfo).port).toBeGreaterThan(0);
    server.close();
  });
});
