/** Whether the certificates of a cluster are valid, and for long enough to do something. */
import { conditionTypes } from '../api/conditions.ts';
import { isoTime } from '../api/iso-time.ts';
import type { Observed } from '../api/observed.ts';
import type { Verdict } from './verdicts.ts';

/** Time in which a person surely can act, ms. */
const soonMs = 30 * 86_400_000;

export function certificateVerdict({ certificates, nowMs }: Observed): Verdict {
  const type = conditionTypes.certificatesValid;
  const [first] = [...certificates].sort((a, b) => a.notAfterMs - b.notAfterMs);
  if (first === undefined) {
    const message = 'No certificate is there yet';
    return { type, status: 'False', reason: 'CertificateMissing', message };
  }
  const message = `The first that ends is ${first.name}, at ${isoTime(first.notAfterMs)}`;
  if (first.notAfterMs <= nowMs) {
    return { type, status: 'False', reason: 'CertificateExpired', message };
  }
  return first.notAfterMs - nowMs < soonMs
    ? { type, status: 'False', reason: 'CertificateExpiring', message }
    : { type, status: 'True', reason: 'AsExpected', message };
}
