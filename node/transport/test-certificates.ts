/**
 * For tests: an authority of their own and certificates for loopback, valid for a day, written as
 * the three PEM files of a node. Made with `@peculiar/x509`, which wants a metadata reflection to
 * be there when it loads; nothing that is used of it here reads any.
 */
import { writeFile } from 'node:fs/promises';
import { webcrypto } from 'node:crypto';
import { join } from 'node:path';

import type { TlsFiles } from './tls.ts';

Object.assign(Reflect, {
  getMetadata: () => undefined,
  getOwnMetadata: () => undefined,
  defineMetadata: () => undefined,
});
const x509 = await import('@peculiar/x509');

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;

export interface TestAuthority {
  readonly keys: webcrypto.CryptoKeyPair;
  readonly certificate: InstanceType<typeof x509.X509Certificate>;
}

let serialNumber = 0;

function validity(): { serialNumber: string; notBefore: Date; notAfter: Date } {
  serialNumber += 1;
  return {
    serialNumber: serialNumber.toString(16).padStart(2, '0'),
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
  };
}

export async function createAuthority(name: string): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return { keys, certificate };
}

/** Writes `<name>.ca.pem`, `.cert.pem` and `.key.pem` into `folder`, over older ones. */
export async function writeTlsFiles(
  folder: string,
  name: string,
  options: { readonly signer: TestAuthority; readonly trusted?: readonly TestAuthority[] },
): Promise<TlsFiles> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(),
    subject: `CN=${name}`,
    issuer: options.signer.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: options.signer.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const trusted = options.trusted ?? [options.signer];
  const files: TlsFiles = {
    caFile: join(folder, `${name}.ca.pem`),
    certFile: join(folder, `${name}.cert.pem`),
    keyFile: join(folder, `${name}.key.pem`),
  };
  await writeFile(
    files.caFile,
    trusted.map((authority) => authority.certificate.toString('pem')).join('\n'),
  );
  await writeFile(files.certFile, certificate.toString('pem'));
  await writeFile(
    files.keyFile,
    `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`,
  );
  return files;
}
