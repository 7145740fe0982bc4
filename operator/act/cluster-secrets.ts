/**
 * The Secrets of a cluster: its authority, what is trusted, and the certificates of nodes, operator
 * and client port. They are read by name, never listed, and not watched: the operator looks again
 * every so often. Which of them must be written is `keepCertificates`; here they are read and
 * written, in an order that may be cut short anywhere.
 */
import type { Clock } from '../../node/sys/clock.ts';
import { objectNames } from '../api/names.ts';
import type { CertificateView } from '../api/observed.ts';
import { keepCertificates } from '../certificates/cluster-certificates.ts';
import type { BuildContext } from '../desired/build-context.ts';
import type { PemPair } from '../desired/secrets.ts';
import { kindOf } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Secret } from '../api/kube-object.ts';
import { controllerOf } from '../kube/kube-objects.ts';

export interface SecretSet {
  /** For the operator's own calls. */
  readonly bundle: string;
  readonly operator: PemPair;
  readonly certificates: readonly CertificateView[];
}

const secretKind = kindOf<Secret>('v1', 'Secret', 'secrets');
/** Between two looks at Secrets that were in order, ms. */
const checkMs = 30_000;

interface Known {
  readonly set: SecretSet;
  readonly atMs: number;
  readonly generation: number;
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
    const names = objectNames(context.cluster.metadata.name);
    const wanted = [
      ...[names.caKeySecret, names.caBundleSecret, names.peerTlsSecret, names.operatorTlsSecret],
      ...(context.cluster.spec.tls.client.mode === 'Managed' ? [names.clientTlsSecret] : []),
    ];
    const found = new Map<string, Secret>();
    for (const name of wanted) {
      const secret = await this.#find(context, name);
      if (secret !== undefined) {
        found.set(name, secret);
      }
    }
    const pair = (name: string): PemPair | undefined => pairOf(found.get(name));
    const known = {
      authority: pair(names.caKeySecret),
      bundle: textOf(found.get(names.caBundleSecret), 'ca.crt'),
      peer: pair(names.peerTlsSecret),
      operator: pair(names.operatorTlsSecret),
      client: pair(names.clientTlsSecret),
    };
    if (!mayMake && found.size < wanted.length) {
      const { operator, bundle } = known;
      return operator && bundle !== undefined ? { bundle, operator, certificates: [] } : undefined;
    }
    const kept = await keepCertificates(context, known, this.#clock.wallMs());
    for (const secret of mayMake ? kept.secrets : []) {
      await (found.has(secret.metadata.name)
        ? this.#client.apply(secret)
        : this.#client.create(secret));
    }
    const { bundle, ...operator } = kept.operator;
    return { bundle, operator, certificates: kept.views };
  }

  /** Throws if it is somebody else's (O16). */
  async #find(context: BuildContext, name: string): Promise<Secret | undefined> {
    const { namespace, uid } = context.cluster.metadata;
    const found = await this.#client.find(secretKind, namespace, name);
    if (found !== undefined && controllerOf(found)?.uid !== uid) {
      throw new Error(`The Secret "${name}" is not of this cluster: delete it to go on`);
    }
    return found?.metadata.deletionTimestamp === undefined ? found : undefined;
  }
}

function textOf(secret: Secret | undefined, name: string): string | undefined {
  const text = secret?.data?.[name];
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
}

function pairOf(secret: Secret | undefined): PemPair | undefined {
  const [certificate, key] = [textOf(secret, 'tls.crt'), textOf(secret, 'tls.key')];
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}
