/**
 * What a spec on a whole cluster works with: clients of the run's cluster, a namespace of its own,
 * host faults, and steps that leave a dump when they fail. `KEEP=1` leaves the namespace.
 */
import { afterAll, beforeAll } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { kubeconfigConnection } from '../operator/kube/kubeconfig-connection.ts';
import { LocalFaults } from './local/local-faults.ts';
import { dumpNamespace } from './lib/dump.ts';
import type { HostFaults } from './lib/host-faults.ts';
import { KubeClient } from './lib/kube-client.ts';
import { Kubectl } from './lib/kubectl.ts';
import type { Measurement } from './lib/measurements.ts';
import { recordMeasurement } from './lib/measurements.ts';
import { DirectReach, ForwardReach } from './lib/reach.ts';
import type { Reach } from './lib/reach.ts';
import { readEnvironment } from './lib/run-environment.ts';
import type { RunEnvironment } from './lib/run-environment.ts';
import { timeouts } from './lib/timeouts.ts';
import { watchGone } from './lib/watch-until.ts';
import { SpecSteps } from './spec-steps.ts';

export interface SpecOptions {
  /** Pod security level that the namespace enforces. */
  readonly podSecurity?: 'restricted' | 'baseline' | 'privileged';
}

export class SpecCluster {
  readonly name: string;
  readonly environment: RunEnvironment;
  readonly namespace: string;
  #client: KubeClient | undefined;
  #kubectl: Kubectl | undefined;
  #reach: Reach | undefined;
  readonly #steps: SpecSteps;

  constructor(name: string) {
    this.name = name;
    this.environment = readEnvironment();
    this.namespace = `e2e-${name}-${randomBytes(2).toString('hex')}`;
    this.#steps = new SpecSteps(name, async (step) => {
      await dumpNamespace(this, join(this.outFolder, step));
    });
  }

  get client(): KubeClient {
    return present(this.#client, 'the client: it is there from beforeAll on');
  }

  get kubectl(): Kubectl {
    return present(this.#kubectl, 'kubectl: it is there from beforeAll on');
  }

  /** The image under test. */
  get image(): string {
    return present(this.environment.cluster, 'a cluster').image;
  }

  /** The way to pods and Services from here. */
  get reach(): Reach {
    return present(this.#reach, 'the reach: it is there from beforeAll on');
  }

  get outFolder(): string {
    return join(this.environment.outFolder, this.name);
  }

  record(measurement: Measurement): void {
    recordMeasurement(this.environment.outFolder, measurement);
  }

  async open(options: SpecOptions): Promise<void> {
    const cluster = present(this.environment.cluster, 'a cluster');
    const { kubectl, kubeconfig } = cluster;
    this.#client = new KubeClient(await kubeconfigConnection({ kubeconfig }));
    this.#kubectl = new Kubectl(kubectl, kubeconfig);
    this.#reach = cluster.isRouted
      ? new DirectReach(this.#client)
      : new ForwardReach(kubectl, kubeconfig);
    const level = options.podSecurity ?? 'restricted';
    await this.#client.create({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: this.namespace,
        labels: { 'pod-security.kubernetes.io/enforce': level, 'dynakv.dev/e2e': 'true' },
      },
    });
  }

  async close(): Promise<void> {
    const ref = { apiVersion: 'v1', kind: 'Namespace', name: this.namespace };
    try {
      if (!this.environment.keep && this.#client !== undefined) {
        await this.#client.delete(ref);
        await watchGone(this.#client, ref, timeouts.namespaceGone);
      }
    } finally {
      this.#reach?.close();
      this.#client?.close();
    }
  }

  /** One step of the spec (see `spec-steps.ts`). */
  test(name: string, body: () => Promise<void>, timeoutMs?: number): void {
    this.#steps.test(name, body, timeoutMs);
  }

  /** One step that needs the local provider (faults, its volumes); skipped, by name, elsewhere. */
  localTest(name: string, body: (faults: HostFaults) => Promise<void>, timeoutMs?: number): void {
    const { provider, isRouted } = present(this.environment.cluster, 'a cluster');
    // A forward goes through the kubelet, which a fault may have taken.
    if (provider === 'local' && isRouted) {
      this.#steps.test(name, async () => await body(new LocalFaults(this.client)), timeoutMs);
    } else {
      this.#steps.skip(`${name} (needs the local provider)`);
    }
  }
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) {
    throw new Error(`Cannot use ${what}`);
  }
  return value;
}

/** A spec's cluster, opened before its tests and closed after them. */
export function useCluster(name: string, options: SpecOptions = {}): SpecCluster {
  const spec = new SpecCluster(name);
  beforeAll(async () => {
    await spec.open(options);
  }, timeouts.hook);
  afterAll(async () => {
    await spec.close();
  }, timeouts.hook + timeouts.namespaceGone);
  return spec;
}
