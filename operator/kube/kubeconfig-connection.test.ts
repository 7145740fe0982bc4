/**
 * Kubeconfigs as people have them, used against servers: a program that fetches tokens, key pairs
 * over TLS that demands them, several files and contexts. Goal: the server lets the request in, or
 * the reason why not is said.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { createAuthority, issueCertificate } from '../certificates/authority.ts';
import { kubeconfigConnection } from './kubeconfig-connection.ts';
import { KubeHttp } from './kube-http.ts';
import { world } from './testing-kube.ts';
import { TestingApiServer } from './testing-api-server.ts';

const path = '/api/v1/namespaces/n/configmaps';
let folder = '';
const ends: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dynakv-kubeconfig-'));
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) {
    await end();
  }
  rmSync(folder, { recursive: true });
});

function write(name: string, content: string | object): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** A kubeconfig with one context, named like its file. */
function kubeconfig(
  name: string,
  parts: { readonly cluster: object; readonly user: object },
): string {
  const context = { cluster: name, user: name, namespace: `of-${name}` };
  return write(name, {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': name },
    clusters: [{ name, cluster: parts.cluster }],
    users: [{ name, user: parts.user }],
    contexts: [{ name, context }],
  });
}

async function startServer(): Promise<{
  readonly server: TestingApiServer;
  readonly cluster: object;
}> {
  const server = await TestingApiServer.start();
  ends.push(async () => await server.stop());
  return { server, cluster: { server: server.url, 'insecure-skip-tls-verify': true } };
}

function open(connection: Awaited<ReturnType<typeof kubeconfigConnection>>): KubeHttp {
  const http = new KubeHttp({ connection, ...world });
  ends.push(() => http.close());
  return http;
}

describe('kubeconfigConnection()', () => {
  test('runs the program that fetches tokens, and again once a token has ended', async () => {
    const { server, cluster } = await startServer();
    const script = write(
      'fetch-token',
      [
        '#!/bin/sh',
        `n=$(cat ${folder}/count 2>/dev/null || echo 0); n=$((n + 1)); echo $n >${folder}/count`,
        'end=2020-01-01T00:00:00Z; [ $n -gt 1 ] && end=2999-01-01T00:00:00Z',
        `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":'`,
        `echo '{"token":"token-'$n'","expirationTimestamp":"'$end'"}}'`,
      ].join('\n'),
    );
    chmodSync(script, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: script };
    const file = kubeconfig('cloud', { cluster, user: { exec } });
    const connection = await kubeconfigConnection({ kubeconfig: file });
    expect(connection.namespace).toBe('of-cloud');
    const http = open(connection);
    server.requireToken('token-1');
    await http.send({ method: 'GET', path });
    server.requireToken('token-2');
    await http.send({ method: 'GET', path });
    // This one is good for long: it is not fetched a third time.
    await http.send({ method: 'GET', path });
  });

  test('a program that fails is named in the failure', async () => {
    const { cluster } = await startServer();
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: join(folder, 'none') };
    const file = kubeconfig('broken', { cluster, user: { exec } });
    const http = open(await kubeconfigConnection({ kubeconfig: file }));
    const sent = http.send({ method: 'POST', path, body: {} });
    await expect(sent).rejects.toThrow(/POST .* got no answer: .*none/);
  });

  test('proves itself by a key pair, and checks the server, by the name that it is told', async () => {
    const nowMs = Date.now();
    const authority = await createAuthority('the authority', nowMs);
    const names = { subject: 'api', dnsNames: ['api.example'], addresses: [] };
    const server = await issueCertificate(authority, { names, use: 'server', nowMs });
    const user = await issueCertificate(authority, {
      ...{ names: { ...names, subject: 'ada' }, use: 'client', nowMs },
    });
    const seen: string[] = [];
    const https = createServer(
      {
        ...{ ca: authority.certificate, cert: server.certificate, key: server.key },
        ...{ requestCert: true, rejectUnauthorized: true },
      },
      (request, answer) => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        seen.push(String(subject.CN));
        answer.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      },
    );
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    ends.push(() => {
      https.closeAllConnections();
      https.close();
    });
    const { port } = https.address() as AddressInfo;
    const encode = (text: string): string => Buffer.from(text).toString('base64');
    const pair = {
      'client-certificate-data': encode(user.certificate),
      // A path is relative to the kubeconfig.
      'client-key': 'user.key',
    };
    write('user.key', user.key);
    const cluster = {
      server: `https://127.0.0.1:${port}/`,
      'certificate-authority-data': encode(authority.certificate),
    };
    const named = { ...cluster, 'tls-server-name': 'api.example' };
    const good = kubeconfig('good', { cluster: named, user: pair });
    await open(await kubeconfigConnection({ kubeconfig: good })).send({ method: 'GET', path });
    expect(seen).toEqual(['ada']);
    const other = kubeconfig('other', { cluster, user: pair });
    const http = open(await kubeconfigConnection({ kubeconfig: other }));
    await expect(http.send({ method: 'POST', path, body: {} })).rejects.toThrow(/altnames/);
    expect(seen).toEqual(['ada']);
  });

  test('of several files the first counts, and a context is chosen by name', async () => {
    const one = await startServer();
    const two = await startServer();
    const first = kubeconfig('a', { cluster: one.cluster, user: { token: 'one' } });
    const second = kubeconfig('b', { cluster: two.cluster, user: { token: 'two' } });
    const both = `${first}:${second}:${first}:${join(folder, 'none')}`;
    one.server.requireToken('one');
    two.server.requireToken('two');
    const current = await kubeconfigConnection({ kubeconfig: both });
    await open(current).send({ method: 'GET', path });
    const chosen = await kubeconfigConnection({ kubeconfig: both, context: 'b' });
    await open(chosen).send({ method: 'GET', path });
    expect([current, chosen].map(({ namespace }) => namespace)).toEqual(['of-a', 'of-b']);
    expect([one, two].map(({ server }) => server.requests.length)).toEqual([1, 1]);
  });

  test('says what is missing', async () => {
    const missing = kubeconfigConnection({ kubeconfig: join(folder, 'none') });
    await expect(missing).rejects.toThrow(/^Cannot read the kubeconfig: there is no file .*none$/);
    const file = kubeconfig('a', { cluster: { server: 'https://192.0.2.1' }, user: {} });
    const unknown = kubeconfigConnection({ kubeconfig: file, context: 'x' });
    await expect(unknown).rejects.toThrow(
      'Cannot find the context "x" in the kubeconfig: it has a',
    );
  });
});
