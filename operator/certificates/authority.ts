/**
 * Certificates of a cluster: its own authority, and what that signs for nodes, operator and client
 * port. ECDSA P-256, PKCS#8. Valid from an hour ago, as clocks differ (O23). The authority lives
 * for ten years and the leaves for as long: until they can be renewed by themselves, an end is a
 * metric and a condition, never a surprise.
 */
import { webcrypto } from 'node:crypto';
import type { CertificateNames } from '../desired/certificate-names.ts';
import type { PemPair } from '../desired/secrets.ts';
import { describeCertificate } from './certificate-facts.ts';
import { x509 } from './x509.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Clocks of machines differ. */
const earlyMs = hourMs;
const authorityDays = 3_650;
const leafDays = 3_650;
const serialNumberBytes = 16;

/** What a certificate is shown for. */
export type CertificateUse = 'server' | 'client' | 'both';

function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(serialNumberBytes));
  // Positive, and never short: the first byte is neither negative nor zero.
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function validity(nowMs: number, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(nowMs - earlyMs), notAfter: new Date(nowMs + days * dayMs) };
}

async function pemOfKey(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n');
}

async function keyOfPem(pem: string): Promise<webcrypto.CryptoKey> {
  const bytes = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return await webcrypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign']);
}

/** `a "b"` → a value of a distinguished name. */
function nameOf(commonName: string): InstanceType<typeof x509.Name> {
  return new x509.Name([{ CN: [{ utf8String: commonName }] }]);
}

/** A new authority for a cluster. */
export async function createAuthority(subject: string, nowMs: number): Promise<PemPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { KeyUsageFlags: usage } = x509;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(nowMs, authorityDays),
    serialNumber: serialNumber(),
    name: nameOf(subject).toString(),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(usage.keyCertSign | usage.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: await pemOfKey(keys.privateKey),
  };
}

/** A certificate signed by the authority, and its own new key. */
export async function issueCertificate(
  authority: PemPair,
  wanted: {
    readonly names: CertificateNames;
    readonly use: CertificateUse;
    readonly nowMs: number;
  },
): Promise<PemPair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { dnsNames, addresses, subject } = wanted.names;
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const uses = { server: [serverAuth], client: [clientAuth], both: [serverAuth, clientAuth] };
  const alternatives = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...addresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  // Never longer than who signed it.
  const { notBefore, notAfter } = validity(wanted.nowMs, leafDays);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    notBefore,
    notAfter: notAfter < issuer.notAfter ? notAfter : issuer.notAfter,
    subject: nameOf(subject).toString(),
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await keyOfPem(authority.key),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(uses[wanted.use]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(alternatives.length === 0
        ? []
        : [new x509.SubjectAlternativeNameExtension(alternatives)]),
    ],
  });
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: await pemOfKey(keys.privateKey),
  };
}

/** Why a pair cannot be used towards those who trust the bundle; undefined if it can (O23). */
export function findPairProblem(
  pair: PemPair,
  bundle: string,
  facts: { readonly names: CertificateNames; readonly nowMs: number },
): string | undefined {
  const found = describeCertificate(pair.certificate, bundle);
  if (found === undefined) {
    return 'it is no certificate in PEM';
  }
  if (!found.matchesKey(pair.key)) {
    return 'its key is another certificate’s';
  }
  if (!found.isTrusted) {
    return 'no authority that is trusted has signed it';
  }
  if (facts.nowMs < found.notBeforeMs || facts.nowMs >= found.notAfterMs) {
    return `it is valid from ${found.notBefore} to ${found.notAfter} only`;
  }
  const wanted = [...facts.names.dnsNames, ...facts.names.addresses];
  const missing = wanted.filter((name) => !found.names.has(name));
  return missing.length === 0 ? undefined : `it lacks the names ${missing.join(', ')}`;
}
