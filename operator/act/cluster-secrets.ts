/**
 * The Secrets of a cluster: its authority, what is trusted, and the certificates of nodes, operator
 * and client port. What is missing or cannot be used is made; what is there is kept. They are read
 * by name, never listed, and not watched: the operator looks again every so often.
 *
 * An authority that was deleted is made anew and *added* to what is trusted, so that certificates
 * of the old one go on to work (O23).
 */
import type { Clock } from '../../node/sys/clock.ts';
import { objectNames } from '../api/names.ts';
import type { CertificateView } from '../api/observed.ts';
import { createAuthority, findPairProblem, issueCertificate } from '../certificates/authority.ts';
import type { CertificateUse } from '../certificates/authority.ts';
import { describeCertificate } from '../certificates/certificate-facts.ts';
import type { BuildContext } from '../desired/build-context.ts';
import type { CertificateNames } from '../desired/certificate-names.ts';
import {
  clientCertificateNames,
  operatorCertificateNames,
  peerCertificateNames,
} from '../desired/certificate-names.ts';
import type { PemPair } from '../desired/secrets.ts';
import { buildAuthoritySecret, buildBundleSecret, buildLeafSecret } from '../desired/secrets.ts';
import { kindOf } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { KubeObject } from '../kube/kube-objects.ts';
import { controllerOf } from '../kube/kube-objects.ts';

export interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface SecretSet {
  /** For the operator's own calls. */
  readonly bundle: string;
  readonly operator: PemPair;
  readonly certificates: readonly CertificateView[];
}

const secretKind = kindOf<SecretObject>('v1', 'Secret', 'secrets');
/** Between two looks at Secrets that were in order, ms. */
const checkMs = 30_000;

interface Known {
  readonly set: SecretSet;
  readonly atMs: number;
  readonly generation: number;
}

interface Leaf {
  readonly secret: string;
  readonly names: CertificateNames;
  readonly use: CertificateUse;
}

export class ClusterSecrets {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(options: { readonly client: KubeClient; readonly clock: Clock }) {
    this.#client = options.client;
    this.#clock = options.clock;
  }

  /** What was found last, without looking. */
  peek(uid: string): SecretSet | undefined {
    return this.#known.get(uid)?.set;
  }

  forget(uid: string): void {
    this.#known.delete(uid);
  }

  /** All of them, made where they are missing; `mayMake` false: only what is there. */
  async ensure(context: BuildContext, mayMake: boolean): Promise<SecretSet | undefined> {
    const { uid, generation } = context.cluster.metadata;
    const known = this.#known.get(uid);
    const nowMs = this.#clock.monotonicMs();
    if (known !== undefined && known.generation === generation && nowMs - known.atMs < checkMs) {
      return known.set;
    }
    const set = await this.#look(context, mayMake);
    if (set !== undefined) {
      this.#known.set(uid, { set, atMs: nowMs, generation });
    }
    return set;
  }

  async #look(context: BuildContext, mayMake: boolean): Promise<SecretSet | undefined> {
    const { cluster } = context;
    const names = objectNames(cluster.metadata.name);
    const authority = await this.#authority(context, mayMake);
    if (authority === undefined) {
      return undefined;
    }
    const bundle = await this.#bundle(context, authority, mayMake);
    const leaves: Leaf[] = [
      { secret: names.peerTlsSecret, names: peerCertificateNames(cluster), use: 'both' },
      { secret: names.operatorTlsSecret, names: operatorCertificateNames(cluster), use: 'client' },
    ];
    if (cluster.spec.tls.client.mode === 'Managed') {
      const client = clientCertificateNames(cluster);
      leaves.push({ secret: names.clientTlsSecret, names: client, use: 'server' });
    }
    const certificates = [viewOf(names.caKeySecret, authority.certificate)];
    let operator: PemPair | undefined;
    for (const leaf of leaves) {
      const pair = await this.#leaf(context, leaf, { authority, bundle, mayMake });
      if (pair === undefined) {
        return undefined;
      }
      certificates.push(viewOf(leaf.secret, pair.certificate));
      operator = leaf.secret === names.operatorTlsSecret ? pair : operator;
    }
    return operator && { bundle, operator, certificates };
  }

  async #authority(context: BuildContext, mayMake: boolean): Promise<PemPair | undefined> {
    const { metadata } = context.cluster;
    const found = await this.#find(context, objectNames(metadata.name).caKeySecret);
    if (found !== undefined || !mayMake) {
      return found && pairOf(found);
    }
    const subject = `${metadata.namespace}/${metadata.name} authority`;
    const pair = await createAuthority(subject, this.#clock.wallMs());
    await this.#client.create(buildAuthoritySecret(context, pair));
    return pair;
  }

  async #bundle(context: BuildContext, authority: PemPair, mayMake: boolean): Promise<string> {
    const name = objectNames(context.cluster.metadata.name).caBundleSecret;
    const found = await this.#find(context, name);
    const bundle = found === undefined ? '' : textOf(found, 'ca.crt');
    const own = authority.certificate.trim();
    if (bundle.includes(own) || !mayMake) {
      return bundle;
    }
    const next = bundle === '' ? `${own}\n` : `${bundle.trim()}\n${own}\n`;
    const built = buildBundleSecret(context, next);
    await (found === undefined ? this.#client.create(built) : this.#client.apply(built));
    return next;
  }

  async #leaf(
    context: BuildContext,
    leaf: Leaf,
    facts: { readonly authority: PemPair; readonly bundle: string; readonly mayMake: boolean },
  ): Promise<PemPair | undefined> {
    const { authority, bundle, mayMake } = facts;
    const nowMs = this.#clock.wallMs();
    const found = await this.#find(context, leaf.secret);
    const pair = found && pairOf(found);
    const problem = pair && findPairProblem(pair, bundle, { names: leaf.names, nowMs });
    if ((pair !== undefined && problem === undefined) || !mayMake) {
      return pair;
    }
    const { names, use } = leaf;
    const next = await issueCertificate(authority, { names, use, nowMs });
    const issuer = describeCertificate(next.certificate, bundle)?.issuerFingerprint ?? '';
    const built = buildLeafSecret(context, leaf.secret, next, issuer);
    await (found === undefined ? this.#client.create(built) : this.#client.apply(built));
    return next;
  }

  /** Throws if it is somebody else's (O16). */
  async #find(context: BuildContext, name: string): Promise<SecretObject | undefined> {
    const { namespace, uid } = context.cluster.metadata;
    const found = await this.#client.find(secretKind, namespace, name);
    if (found !== undefined && controllerOf(found)?.uid !== uid) {
      throw new Error(`The Secret "${name}" is not of this cluster: delete it to go on`);
    }
    return found?.metadata.deletionTimestamp === undefined ? found : undefined;
  }
}

function textOf(secret: SecretObject, name: string): string {
  return Buffer.from(secret.data?.[name] ?? '', 'base64').toString('utf8');
}

function pairOf(secret: SecretObject): PemPair {
  return { certificate: textOf(secret, 'tls.crt'), key: textOf(secret, 'tls.key') };
}

function viewOf(name: string, certificate: string): CertificateView {
  const facts = describeCertificate(certificate, '');
  return { name, notBeforeMs: facts?.notBeforeMs ?? 0, notAfterMs: facts?.notAfterMs ?? 0 };
}
