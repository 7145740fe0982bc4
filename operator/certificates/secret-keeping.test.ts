/** Which Secrets are written: all of a new cluster, none of a good one, and each that was lost. */
import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../api/kube-object.ts';
import type { BuildContext } from '../desired/build-context.ts';
import { testingCluster } from '../test/testing-cluster.ts';
import { findPairProblem } from './authority.ts';
import { keepCertificates } from './cluster-certificates.ts';
import type { KnownCertificates } from './cluster-certificates.ts';
import { peerCertificateNames } from '../desired/certificate-names.ts';

const nowMs = Date.UTC(2026, 0, 1);
const yearMs = 365 * 86_400_000;

function contextOf(spec: unknown): BuildContext {
  const cluster = testingCluster(spec);
  return { cluster, image: 'a/b:1', operatorNamespace: 'o', hash: () => '' };
}

/** What the Secrets that were written hold, over what was known. */
function written(known: KnownCertificates, secrets: readonly KubeObject[]): KnownCertificates {
  const fields: Record<string, keyof KnownCertificates> = {
    'demo-ca-key': 'authority',
    'demo-ca': 'bundle',
    'demo-peer-tls': 'peer',
    'demo-operator-tls': 'operator',
    'demo-client-tls': 'client',
  };
  const changes = secrets.map(({ metadata, stringData }) => {
    const data = stringData as Record<string, string>;
    const field = fields[metadata.name] ?? 'bundle';
    const pair = { certificate: data['tls.crt'] ?? '', key: data['tls.key'] ?? '' };
    return [field, field === 'bundle' ? data['ca.crt'] : pair] as const;
  });
  return { ...known, ...Object.fromEntries(changes) };
}

const namesOf = (secrets: readonly KubeObject[]): string[] =>
  secrets.map(({ metadata }) => metadata.name);

describe('keepCertificates()', () => {
  const context = contextOf({});

  test('a new cluster gets them all, the authority first; then there is nothing to do', async () => {
    const first = await keepCertificates(context, {}, nowMs);
    expect(namesOf(first.secrets)).toEqual([
      ...['demo-ca-key', 'demo-ca', 'demo-peer-tls', 'demo-operator-tls'],
    ]);
    const known = written({}, first.secrets);
    const second = await keepCertificates(context, known, nowMs + 1);
    expect(second).toMatchObject({ secrets: [], reasons: [], views: first.views });
    expect(second.operator).toEqual(first.operator);
    expect(first.views.every(({ notAfterMs }) => notAfterMs > nowMs + 9 * yearMs)).toBe(true);
  });

  test('a managed client port gets one more, and another name another certificate', async () => {
    const known = written({}, (await keepCertificates(context, {}, nowMs)).secrets);
    const client = { mode: 'Managed', dnsNames: ['a.example'] };
    const more = await keepCertificates(contextOf({ tls: { client } }), known, nowMs);
    expect(namesOf(more.secrets)).toEqual(['demo-client-tls']);
    const renamed = contextOf({ tls: { client: { ...client, dnsNames: ['b.example'] } } });
    const again = await keepCertificates(renamed, written(known, more.secrets), nowMs);
    expect(again.reasons).toEqual(['demo-client-tls: it lacks the names b.example']);
  });

  test('a lost authority is replaced beside the old one, and no leaf is touched', async () => {
    const known = written({}, (await keepCertificates(context, {}, nowMs)).secrets);
    const kept = await keepCertificates(context, { ...known, authority: undefined }, nowMs);
    expect(namesOf(kept.secrets)).toEqual(['demo-ca-key', 'demo-ca']);
    const after = written(known, kept.secrets);
    expect(after.bundle?.match(/BEGIN/g)).toHaveLength(2);
    // Pods that have read either bundle take the certificate that is in use.
    const names = peerCertificateNames(context.cluster);
    for (const bundle of [known.bundle, after.bundle]) {
      const pair = known.peer ?? { certificate: '', key: '' };
      expect(findPairProblem(pair, bundle ?? '', { names, nowMs })).toBeUndefined();
    }
    expect((await keepCertificates(context, after, nowMs)).secrets).toEqual([]);
  });

  test('a lost bundle or leaf is made anew from the authority', async () => {
    const known = written({}, (await keepCertificates(context, {}, nowMs)).secrets);
    const bundle = await keepCertificates(context, { ...known, bundle: undefined }, nowMs);
    expect(namesOf(bundle.secrets)).toEqual(['demo-ca']);
    const leaf = await keepCertificates(context, { ...known, peer: undefined }, nowMs);
    expect(namesOf(leaf.secrets)).toEqual(['demo-peer-tls']);
    const broken = { certificate: known.peer?.certificate ?? '', key: 'no key' };
    const mended = await keepCertificates(context, { ...known, peer: broken }, nowMs);
    expect(mended.reasons).toEqual(['demo-peer-tls: its key is another certificate’s']);
  });

  test('what has ended is made anew', async () => {
    const known = written({}, (await keepCertificates(context, {}, nowMs)).secrets);
    const kept = await keepCertificates(context, known, nowMs + 11 * yearMs);
    expect(namesOf(kept.secrets)).toEqual([
      ...['demo-ca-key', 'demo-ca', 'demo-peer-tls', 'demo-operator-tls'],
    ]);
  });
});
