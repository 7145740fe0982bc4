import { describe, expect, test } from '@jest/globals';
import { directConnection } from './kube-connection.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const cluster = {
  server: 'https://192.0.2.10:24443/',
  'certificate-authority-data': base64('CA'),
};

function view(user: object, more: object = {}) {
  return { clusters: [{ cluster: { ...cluster, ...more } }], users: [{ user }] };
}

describe('directConnection()', () => {
  test('a token is used as it is', () => {
    expect(directConnection(view({ token: 't' }))).toEqual({
      server: 'https://192.0.2.10:24443',
      ca: 'CA',
      token: 't',
    });
  });

  test('the name in the certificate may be another than the one dialled', () => {
    const connection = directConnection(view({ token: 't' }, { 'tls-server-name': 'api.test' }));
    expect(connection).toMatchObject({ serverName: 'api.test' });
  });

  test('a certificate needs its key', () => {
    const cert = { 'client-certificate-data': base64('CERT') };
    expect(directConnection(view(cert))).toBeUndefined();
    expect(directConnection(view({ ...cert, 'client-key-data': base64('KEY') }))).toMatchObject({
      cert: 'CERT',
      key: 'KEY',
    });
  });

  test('what takes more than files and tokens is left to kubectl', () => {
    expect(directConnection(view({ exec: { command: 'aws' } }))).toBeUndefined();
    expect(directConnection(view({ token: 't' }, { 'proxy-url': 'http://p' }))).toBeUndefined();
    expect(directConnection({ clusters: [] })).toBeUndefined();
  });
});
