/** Addresses: what is one, and which stay on this machine. */
import { describe, expect, test } from '@jest/globals';
import { formatAddress, isLoopback, isWildcard, parseAddress } from './address.ts';

describe('parseAddress()', () => {
  test('takes names, IPv4 and bracketed IPv6', () => {
    expect(parseAddress('127.0.0.1:8000')).toEqual({ host: '127.0.0.1', port: 8000 });
    expect(parseAddress('[::1]:7000')).toEqual({ host: '::1', port: 7000 });
    expect(parseAddress('n-1.dynakv.svc:0')).toEqual({ host: 'n-1.dynakv.svc', port: 0 });
  });

  test('refuses anything else', () => {
    for (const text of ['', '8000', 'host', 'host:', ':80', 'a b:1', 'host:65536', '::1:80']) {
      expect(parseAddress(text)).toBeUndefined();
    }
  });

  test('formatAddress() is its inverse', () => {
    for (const text of ['127.0.0.1:8000', '[::1]:7000', 'localhost:1']) {
      const address = parseAddress(text);
      expect(address && formatAddress(address)).toBe(text);
    }
  });
});

describe('isLoopback()', () => {
  test('is true for 127.0.0.0/8, ::1 and localhost only', () => {
    const answers = ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '0.0.0.0', '::', '127.evil.org'];
    expect(answers.map((host) => isLoopback({ host, port: 1 }))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('isWildcard()', () => {
  test('is true for every interface only', () => {
    const hosts = ['0.0.0.0', '::', '0:0:0:0:0:0:0:0', '127.0.0.1', '::1', 'node-0', '10.0.0.0'];
    expect(hosts.filter((host) => isWildcard({ host, port: 1 }))).toEqual(hosts.slice(0, 3));
  });
});
