/** The client port with TLS: serves, renews its certificate, and survives what is not TLS. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { silentLogger } from '../sys/log.ts';
import { createAuthority, writeTlsFiles } from '../transport/test-certificates.ts';
import { HttpServer } from './client-server.ts';

let folder = '';

async function makeCertificate(name: string): Promise<{ key: Buffer; cert: Buffer }> {
  const { keyFile, certFile } = await writeTlsFiles(folder, name, {
    signer: await createAuthority('authority'),
  });
  return { key: await readFile(keyFile), cert: await readFile(certFile) };
}

let server: HttpServer;
let port = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dynakv-tls-'));
  server = new HttpServer({
    app: (request, response) => {
      request.resume();
      response.end('over TLS');
    },
    logger: silentLogger,
    tls: await makeCertificate('first'),
  });
  ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
});

afterAll(async () => {
  await server.close(0);
  await rm(folder, { recursive: true });
});

function get(): Promise<{ text: string; subject: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, agent: false as const };
    const request = httpsRequest(options, (response) => {
      const subject = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      response.on('end', () => {
        resolve({ text, subject: String(subject) });
      });
    });
    request.on('error', reject);
    request.end();
  });
}

describe('HttpServer with TLS', () => {
  test('serves, and takes a new certificate without a restart', async () => {
    expect(await get()).toEqual({ text: 'over TLS', subject: 'first' });
    server.renewCertificates(await makeCertificate('second'));
    expect(await get()).toEqual({ text: 'over TLS', subject: 'second' });
  });

  test('closes connections that do not speak TLS', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      });
      socket.on('error', () => undefined);
      socket.on('data', () => undefined);
      socket.on('close', () => {
        resolve();
      });
    });
    expect((await get()).text).toBe('over TLS');
  });
});
