/**
 * Certificates as their users meet them: TLS handshakes of both sides over loopback, and the
 * reasons why a pair is refused.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import {
  clientCertificateNames,
  operatorCertificateNames,
  peerCertificateNames,
} from '../desired/certificate-names.ts';
import type { PemPair } from '../desired/secrets.ts';
import { testingCluster } from '../test/testing-cluster.ts';
import { createAuthority, findPairProblem, issueCertificate } from './authority.ts';
import { describeCertificate } from './certificate-facts.ts';

const cluster = testingCluster({ tls: { client: { mode: 'Managed', dnsNames: ['db.example'] } } });
const nowMs = Date.now();
const dayMs = 86_400_000;
const peerNames = peerCertificateNames(cluster);
const servers: Server[] = [];
const sockets: TLSSocket[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
  }
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
});

/** Whether a client gets through to a server that demands a certificate, by the name dialled. */
async function handshake(
  sides: { readonly server: PemPair; readonly client: PemPair; readonly ca: string },
  servername: string,
): Promise<string> {
  const { ca } = sides;
  const opened = createServer({
    ...{ ca, cert: sides.server.certificate, key: sides.server.key },
    ...{ requestCert: true, rejectUnauthorized: true },
  });
  servers.push(opened);
  opened.on('secureConnection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.end('hello');
  });
  opened.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => {
    opened.listen(0, '127.0.0.1', resolve);
  });
  const { port } = opened.address() as AddressInfo;
  return await new Promise((resolve) => {
    const socket = connect({
      ...{ host: '127.0.0.1', port, servername },
      ...{ ca, cert: sides.client.certificate, key: sides.client.key },
    });
    sockets.push(socket);
    socket.on('data', (data: Buffer) => {
      resolve(data.toString());
    });
    socket.on('error', (error: Error) => {
      resolve(error.message);
    });
    socket.on('close', () => {
      resolve('closed');
    });
  });
}

describe('certificates of a cluster', () => {
  test('nodes prove themselves to each other and to the operator, by the names they are dialled', async () => {
    const authority = await createAuthority('default/demo', nowMs);
    const peer = await issueCertificate(authority, { names: peerNames, use: 'both', nowMs });
    const operator = await issueCertificate(authority, {
      names: operatorCertificateNames(cluster),
      use: 'client',
      nowMs,
    });
    const ca = authority.certificate;
    const sides = { server: peer, client: peer, ca };
    expect(await handshake(sides, 'demo-0.demo-peers.default.svc')).toBe('hello');
    expect(await handshake(sides, 'localhost')).toBe('hello');
    expect(await handshake({ ...sides, client: operator }, 'demo-2.demo-peers.default.svc')).toBe(
      'hello',
    );
    expect(await handshake(sides, 'other-0.other-peers.default.svc')).toMatch(/does not match/);
    // The operator's is shown by clients alone.
    expect(await handshake({ ...sides, server: operator }, 'localhost')).not.toBe('hello');
  });

  test('those of another authority are strangers, and a bundle of two knows both', async () => {
    const [one, other] = await Promise.all([
      createAuthority('default/demo', nowMs),
      createAuthority('default/demo', nowMs),
    ]);
    const wanted = { names: peerNames, use: 'both', nowMs } as const;
    const own = await issueCertificate(one, wanted);
    const strange = await issueCertificate(other, wanted);
    const sides = { server: own, client: strange, ca: one.certificate };
    expect(await handshake(sides, 'localhost')).not.toBe('hello');
    const ca = one.certificate + other.certificate;
    expect(await handshake({ ...sides, ca }, 'localhost')).toBe('hello');
    expect(describeCertificate(strange.certificate, ca)?.issuerFingerprint).toBe(
      describeCertificate(other.certificate, '')?.fingerprint,
    );
  });

  test('findPairProblem() says why a pair will not do', async () => {
    const authority = await createAuthority('default/demo', nowMs);
    const stranger = await createAuthority('default/demo', nowMs);
    const names = clientCertificateNames(cluster);
    const pair = await issueCertificate(authority, { names, use: 'server', nowMs });
    const other = await issueCertificate(stranger, { names, use: 'server', nowMs });
    const ca = authority.certificate;
    const problem = (one: PemPair, at = nowMs, wanted = names): string | undefined =>
      findPairProblem(one, ca, { names: wanted, nowMs: at });
    expect(problem(pair)).toBeUndefined();
    expect(problem({ ...pair, certificate: 'nothing' })).toMatch(/no certificate/);
    expect(problem({ ...pair, key: other.key })).toMatch(/key is another/);
    expect(problem({ ...pair, key: 'nothing' })).toMatch(/key is another/);
    expect(problem(other)).toMatch(/no authority that is trusted/);
    expect(problem(pair, nowMs - 2 * 3_600_000)).toMatch(/valid from/);
    expect(problem(pair, nowMs + 3_650 * dayMs)).toMatch(/valid from/);
    const more = { ...names, dnsNames: [...names.dnsNames, 'new.example'] };
    expect(problem(pair, nowMs, more)).toBe('it lacks the names new.example');
  });

  test('a leaf never outlives who signed it', async () => {
    const authority = await createAuthority('default/demo', nowMs);
    const lateMs = nowMs + 3_000 * dayMs;
    const leaf = await issueCertificate(authority, {
      names: peerNames,
      use: 'both',
      nowMs: lateMs,
    });
    const facts = describeCertificate(leaf.certificate, authority.certificate);
    expect(facts?.notAfterMs).toBe(describeCertificate(authority.certificate, '')?.notAfterMs);
    expect(facts?.isTrusted).toBe(true);
  });
});
