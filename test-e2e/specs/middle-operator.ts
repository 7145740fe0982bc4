/**
 * An operator at work on a middle cluster: a real API server and controllers, fake kubelets, and in
 * place of the database a model of it in this process, behind real connections. What is asked for
 * is the state of the world: objects, nodes of the model, conditions.
 */
import { readFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ModelDatabase } from '../../operator/test/testing-model.ts';
import { ModelNodes } from '../../operator/test/testing-nodes.ts';
import type { Condition, KubeObject } from '../lib/kube-objects.ts';
import { isTrue } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { pause } from '../lib/waiting.ts';
import { watchObject } from '../lib/watch-until.ts';
import type { SpecMiddle } from '../spec-middle.ts';
import { middleNamespace as namespace } from '../spec-middle.ts';
import { OperatorProgram } from './operator-program.ts';

const crdFile = join(import.meta.dirname, '..', '..', 'crds', 'dynamoclusters.dynakv.dev.yaml');
const apiVersion = 'dynakv.dev/v1alpha1';
const kind = 'DynamoCluster';
const name = 'demo';
const nodesMax = 6;
const ref = { apiVersion, kind, namespace, name } as const;

interface Told extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  };
}

export class MiddleOperator {
  readonly database: ModelDatabase;
  readonly #spec: SpecMiddle;
  readonly #nodes: ModelNodes;
  /** Name of the pod → uid of its claim, as seen last. */
  readonly #claims = new Map<string, string>();
  #isStopped = false;
  readonly #watching: Promise<void>;

  private constructor(spec: SpecMiddle, database: ModelDatabase, nodes: ModelNodes) {
    this.#spec = spec;
    this.database = database;
    this.#nodes = nodes;
    this.#watching = this.#watchClaims();
  }

  /** Installs the CRD, and puts a database behind pods of the cluster `demo`. */
  static async prepare(spec: SpecMiddle): Promise<MiddleOperator> {
    const { client } = spec.cluster;
    for (const document of parseAllDocuments(readFileSync(crdFile, 'utf8'))) {
      const crd = document.toJS() as KubeObject;
      await client.apply(crd);
      await watchObject<Told>(
        client,
        { ...crd, name: crd.metadata.name },
        {
          what: 'the CRD to be established',
          timeoutMs: timeouts.component,
          missing: (found) =>
            isTrue(found?.status?.conditions, 'Established') ? undefined : 'it is not',
        },
      );
    }
    const database = new ModelDatabase({ nowMs: () => Date.now(), runs: () => true });
    const pods = Array.from({ length: nodesMax }, (_, ordinal) => `${name}-${ordinal}`);
    return new MiddleOperator(spec, database, await ModelNodes.start(database, pods));
  }

  /** An operator that asks the model; `way`: how it reaches the API server. */
  program(
    programName: string,
    options: {
      readonly way?: 'direct' | 'proxy';
      readonly env?: Readonly<Record<string, string>>;
    } = {},
  ): OperatorProgram {
    const { cluster, outFolder } = this.#spec;
    mkdirSync(outFolder, { recursive: true });
    const kubeconfig = join(outFolder, `${programName}.kubeconfig`);
    writeFileSync(kubeconfig, cluster.kubeconfig(options.way ?? 'direct'), { mode: 0o600 });
    return new OperatorProgram({
      ...{ kubeconfig, kubectl: 'kubectl', namespace, outFolder, name: programName },
      entry: 'operator/test/crashing-operator.ts',
      env: { MODEL_ADDRESSES: JSON.stringify(this.#nodes.addresses), ...options.env },
    });
  }

  /** Merges this into the spec; answers the generation that it led to. */
  async set(spec: Readonly<Record<string, unknown>>): Promise<number> {
    const { client } = this.#spec.cluster;
    const found = await client.find<KubeObject>(ref);
    const impatient = {
      ...{ shards: 16, scaleDown: { stabilizationSeconds: 0 }, update: { minReadySeconds: 0 } },
      // A volume that stays would stand in the way of the next node there.
      storage: { retention: { whenScaled: 'Delete' } },
    };
    const next =
      found === undefined
        ? await client.create<KubeObject>({
            ...{ apiVersion, kind, metadata: { name, namespace } },
            spec: { ...impatient, ...spec },
          })
        : await client.patch<KubeObject>(ref, { spec });
    return next.metadata.generation ?? 0;
  }

  async ready(generation: number, timeoutMs = timeouts.database): Promise<void> {
    await watchObject<Told>(this.#spec.cluster.client, ref, {
      what: `generation ${generation} of the cluster to be Ready`,
      timeoutMs,
      missing: (found) => {
        const ready = found?.status?.conditions?.find((each) => each.type === 'Ready');
        const isNew = (found?.status?.observedGeneration ?? 0) >= generation;
        return isNew && ready?.status === 'True'
          ? undefined
          : `${ready?.reason ?? 'nothing was said'}: ${ready?.message ?? ''}`;
      },
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#watching;
    await this.#nodes.stop();
  }

  /** A disk is gone with its claim. */
  async #watchClaims(): Promise<void> {
    const from = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace };
    while (!this.#isStopped) {
      try {
        const { items } = await this.#spec.cluster.client.list(from);
        const live = new Map(
          items.map(({ metadata }) => [podOf(metadata.name), metadata.uid ?? '']),
        );
        for (const [pod, uid] of this.#claims) {
          if (live.get(pod) !== uid) {
            this.database.wipe(pod);
            this.#claims.delete(pod);
          }
        }
        live.forEach((uid, pod) => this.#claims.set(pod, uid));
      } catch {
        // The API server may be down on purpose.
      }
      await pause(timeouts.poll);
    }
  }
}

/** `data-demo-1` → `demo-1`. */
function podOf(claim: string): string {
  return claim.slice('data-'.length);
}
