/**
 * Keeps the certificates of a cluster: says which Secrets must be written so that every node can
 * prove itself. What is there and good stays as it is. It takes one step at a time where haste
 * would cut nodes off from each other: a new authority is trusted beside the old one, and no leaf
 * that still works is signed anew for it.
 */
import type { KubeObject } from '../api/kube-object.ts';
import { objectNames } from '../api/names.ts';
import type { CertificateView } from '../api/observed.ts';
import type { BuildContext } from '../desired/build-context.ts';
import {
  clientCertificateNames,
  operatorCertificateNames,
  peerCertificateNames,
} from '../desired/certificate-names.ts';
import type { CertificateNames } from '../desired/certificate-names.ts';
import {
  buildAuthoritySecret,
  buildBundleSecret,
  buildLeafSecret,
  type PemPair,
} from '../desired/secrets.ts';
import { createAuthority, findPairProblem, issueCertificate } from './authority.ts';
import type { CertificateUse } from './authority.ts';
import { describeCertificate } from './certificate-facts.ts';

/** What the Secrets of a cluster hold now; undefined: there is no such Secret. */
export interface KnownCertificates {
  readonly authority?: PemPair | undefined;
  readonly bundle?: string | undefined;
  readonly peer?: PemPair | undefined;
  readonly operator?: PemPair | undefined;
  readonly client?: PemPair | undefined;
}

export interface KeptCertificates {
  /** To be made, or written over what is there; in this order. */
  readonly secrets: readonly KubeObject[];
  /** Why each of them is written, for the log. */
  readonly reasons: readonly string[];
  readonly views: readonly CertificateView[];
  /** What the operator shows to nodes, and whom it trusts. */
  readonly operator: PemPair & { readonly bundle: string };
}

interface Leaf {
  readonly name: string;
  readonly known: PemPair | undefined;
  readonly names: CertificateNames;
  readonly use: CertificateUse;
}

function isUsable(authority: PemPair | undefined, nowMs: number): authority is PemPair {
  if (authority === undefined) {
    return false;
  }
  const facts = describeCertificate(authority.certificate, authority.certificate);
  return facts !== undefined && facts.matchesKey(authority.key) && nowMs < facts.notAfterMs;
}

function leavesOf({ cluster }: BuildContext, known: KnownCertificates): readonly Leaf[] {
  const names = objectNames(cluster.metadata.name);
  const leaves: Leaf[] = [
    {
      ...{ name: names.peerTlsSecret, known: known.peer, use: 'both' },
      names: peerCertificateNames(cluster),
    },
    {
      ...{ name: names.operatorTlsSecret, known: known.operator, use: 'client' },
      names: operatorCertificateNames(cluster),
    },
  ];
  if (cluster.spec.tls.client.mode === 'Managed') {
    leaves.push({
      ...{ name: names.clientTlsSecret, known: known.client, use: 'server' },
      names: clientCertificateNames(cluster),
    });
  }
  return leaves;
}

/** The pair of every leaf, by the name of its Secret; those that would not do are made anew. */
async function renewLeaves(
  context: BuildContext,
  known: KnownCertificates,
  signer: { readonly authority: PemPair; readonly bundle: string; readonly nowMs: number },
): Promise<{
  readonly pairs: ReadonlyMap<string, PemPair>;
  readonly secrets: readonly KubeObject[];
  readonly reasons: readonly string[];
}> {
  const { authority, bundle, nowMs } = signer;
  const issuer = describeCertificate(authority.certificate, '')?.fingerprint ?? '';
  const pairs = new Map<string, PemPair>();
  const secrets: KubeObject[] = [];
  const reasons: string[] = [];
  for (const { name, known: old, names, use } of leavesOf(context, known)) {
    const problem =
      old === undefined ? 'it is not there' : findPairProblem(old, bundle, { names, nowMs });
    const pair =
      old !== undefined && problem === undefined
        ? old
        : await issueCertificate(authority, { names, use, nowMs });
    pairs.set(name, pair);
    if (problem !== undefined) {
      secrets.push(buildLeafSecret(context, name, pair, issuer));
      reasons.push(`${name}: ${problem}`);
    }
  }
  return { pairs, secrets, reasons };
}

export async function keepCertificates(
  context: BuildContext,
  known: KnownCertificates,
  nowMs: number,
): Promise<KeptCertificates> {
  const { name, namespace } = context.cluster.metadata;
  const names = objectNames(name);
  const secrets: KubeObject[] = [];
  const reasons: string[] = [];
  let { authority, bundle = '' } = known;
  if (!isUsable(authority, nowMs)) {
    reasons.push(`${names.caKeySecret}: ${authority === undefined ? 'not there' : 'not usable'}`);
    authority = await createAuthority(`${namespace}/${name} authority`, nowMs);
    secrets.push(buildAuthoritySecret(context, authority));
  }
  const own = authority.certificate.trim();
  if (!bundle.includes(own)) {
    reasons.push(`${names.caBundleSecret}: the authority is not in it`);
    // Together with those before: what they have signed is still in use.
    bundle = `${[own, bundle.trim()].filter((part) => part !== '').join('\n')}\n`;
    secrets.push(buildBundleSecret(context, bundle));
  }
  const leaves = await renewLeaves(context, known, { authority, bundle, nowMs });
  const views = [
    viewOf(names.caKeySecret, authority),
    ...[...leaves.pairs].map(([secret, pair]) => viewOf(secret, pair)),
  ];
  const operator = leaves.pairs.get(names.operatorTlsSecret) ?? authority;
  return {
    secrets: [...secrets, ...leaves.secrets],
    reasons: [...reasons, ...leaves.reasons],
    views,
    operator: { ...operator, bundle },
  };
}

function viewOf(name: string, pair: PemPair): CertificateView {
  const facts = describeCertificate(pair.certificate, '');
  const { notBeforeMs = 0, notAfterMs = 0 } = facts ?? {};
  return { name, notBeforeMs, notAfterMs };
}
