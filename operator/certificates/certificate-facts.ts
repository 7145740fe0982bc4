/** What a certificate says, read by the runtime's own parser: who else issued it does not matter. */
import { X509Certificate, createPrivateKey } from 'node:crypto';

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export interface CertificateFacts {
  readonly notBefore: string;
  readonly notAfter: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256, hex, as nodes report theirs. */
  readonly fingerprint: string;
  /** DNS names and addresses. */
  readonly names: ReadonlySet<string>;
  /** One of the bundle has signed it. */
  readonly isTrusted: boolean;
  /** SHA-256 of the certificate that signed it; empty: none of the bundle. */
  readonly issuerFingerprint: string;
  matchesKey(pem: string): boolean;
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** `DNS:a, IP Address:0:0:0:0:0:0:0:1` → the names, addresses in their short form. */
function namesOf({ subjectAltName = '' }: X509Certificate): ReadonlySet<string> {
  const names = subjectAltName.split(', ').map((each) => {
    const name = each.slice(each.indexOf(':') + 1);
    return name === '0:0:0:0:0:0:0:1' ? '::1' : name;
  });
  return new Set(names);
}

/** Of the first certificate of a PEM text; undefined if it is none. */
export function describeCertificate(pem: string, bundle: string): CertificateFacts | undefined {
  const certificate = parse(pem);
  if (certificate === undefined) {
    return undefined;
  }
  const issuer = (bundle.match(block) ?? [])
    .map(parse)
    .find((each) => each !== undefined && certificate.verify(each.publicKey));
  const { validFromDate, validToDate } = certificate;
  return {
    notBefore: validFromDate.toISOString(),
    notAfter: validToDate.toISOString(),
    notBeforeMs: validFromDate.getTime(),
    notAfterMs: validToDate.getTime(),
    fingerprint: fingerprintOf(certificate),
    names: namesOf(certificate),
    isTrusted: issuer !== undefined,
    issuerFingerprint: issuer === undefined ? '' : fingerprintOf(issuer),
    matchesKey: (key) => {
      try {
        return certificate.checkPrivateKey(createPrivateKey(key));
      } catch {
        return false;
      }
    },
  };
}
