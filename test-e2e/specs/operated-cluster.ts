/**
 * What most specs of the operator begin and end with: the operator as a process of this host, one
 * cluster in its hands, and a checked writer without retries on it until the last step, which reads
 * everything once more.
 */
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { CheckedWriter } from '../lib/checked-writer.ts';
import type { Pod } from '../lib/kube-objects.ts';
import { isReadyPod } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import type { SpecCluster } from '../spec-cluster.ts';
import { useCluster } from '../spec-cluster.ts';
import { DatabaseCluster, installCrd } from './database-cluster.ts';
import { OperatorProgram, operatorSource } from './operator-program.ts';

/** A step in which pods are made, replaced or waited for more than once. */
export const longStepMs = timeouts.test * 2;

export class OperatedCluster {
  readonly spec: SpecCluster;
  #operator: OperatorProgram | undefined;
  #demo: DatabaseCluster | undefined;
  #writer: CheckedWriter | undefined;

  constructor(spec: SpecCluster) {
    this.spec = spec;
  }

  get operator(): OperatorProgram {
    return present(this.#operator, 'the operator: it runs from beforeAll on');
  }

  get demo(): DatabaseCluster {
    return present(this.#demo, 'the cluster: it is there from beforeAll on');
  }

  get writer(): CheckedWriter {
    return present(this.#writer, 'the writer: it runs from the first step on');
  }

  /** Another operator, or the same under other circumstances. */
  program(
    name: string,
    more: {
      readonly kubeconfig?: string;
      readonly env?: Readonly<Record<string, string>>;
      readonly entry?: string;
    } = {},
  ): OperatorProgram {
    const { kubectl = '', kubeconfig = '' } = this.spec.environment.cluster ?? {};
    const { namespace, outFolder } = this.spec;
    return new OperatorProgram({ kubectl, kubeconfig, namespace, outFolder, name, ...more });
  }

  async open(env: Readonly<Record<string, string>>, entry: string): Promise<void> {
    await installCrd(this.spec);
    this.#operator = this.program('operator', { env, entry });
    this.#operator.start();
    this.#demo = new DatabaseCluster(this.spec, 'demo');
  }

  async close(): Promise<void> {
    await this.#writer?.stop();
    await this.#operator?.stop();
  }

  /** The first step: a cluster that is Ready, and written to from now on. */
  begins(change: Readonly<Record<string, unknown>> = {}): void {
    this.spec.test(
      'a cluster is Ready and written to',
      async () => {
        const applied = await this.demo.apply(change);
        await this.demo.ready(applied);
        this.#writer = this.demo.writer();
        await this.#writer.start();
      },
      longStepMs,
    );
  }

  /** The last step. */
  ends(): void {
    this.spec.test('nothing that was acknowledged is lost', async () => {
      const report = await this.writer.finish();
      expect(report.acknowledged).toBeGreaterThan(100);
    });
  }

  /** So many pods, all of them Ready, and every key is written. */
  async serves(count: number): Promise<void> {
    await this.demo.podsUntil(`${count} pods to be Ready`, (pods) => {
      const ready = pods.filter(isReadyPod).length;
      return ready === count && pods.length === count
        ? undefined
        : `${ready} of ${pods.length} are`;
    });
    await this.writer.progress();
  }

  /** The pod of this ordinal, Ready, and another than before. */
  async replaced(before: Pod): Promise<void> {
    const { name } = before.metadata;
    await this.demo.podsUntil(`another ${name} to be Ready`, (pods) => {
      const pod = pods.find((each) => each.metadata.name === name);
      return pod !== undefined && uidOf(pod) !== uidOf(before) && isReadyPod(pod)
        ? undefined
        : `it is ${pod === undefined ? 'not there' : (pod.status?.phase ?? 'new')}`;
    });
  }
}

/** A spec's operator and cluster, stopped after its tests. */
export function useOperated(
  name: string,
  env: Readonly<Record<string, string>> = {},
  entry = operatorSource,
): OperatedCluster {
  const cluster = new OperatedCluster(useCluster(name));
  beforeAll(async () => {
    await cluster.open(env, entry);
  }, timeouts.hook);
  afterAll(async () => {
    await cluster.close();
  }, timeouts.hook);
  return cluster;
}

export function uidOf(object: Pick<Pod, 'metadata'>): string {
  return object.metadata.uid ?? '';
}

export function uidsOf(objects: readonly Pick<Pod, 'metadata'>[]): readonly string[] {
  return objects.map(uidOf);
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) {
    throw new Error(`Cannot use ${what}`);
  }
  return value;
}
