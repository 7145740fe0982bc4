/**
 * What a spec of the middle tier works with: a middle cluster of its own, started before its steps
 * and removed after them, and steps that leave a dump when they fail.
 */
import { afterAll, beforeAll } from '@jest/globals';
import { join } from 'node:path';
import { dumpNamespace } from './lib/dump.ts';
import { readEnvironment } from './lib/run-environment.ts';
import { timeouts } from './lib/timeouts.ts';
import { MiddleCluster } from './middle/middle-cluster.ts';
import { SpecSteps } from './spec-steps.ts';

/** The namespace that specs of the middle tier use: the cluster is their own. */
export const middleNamespace = 'default';

export class SpecMiddle {
  readonly name: string;
  readonly outFolder: string;
  readonly #steps: SpecSteps;
  #cluster: MiddleCluster | undefined;

  constructor(name: string) {
    this.name = name;
    this.outFolder = join(readEnvironment().outFolder, name);
    this.#steps = new SpecSteps(name, async (step) => {
      const { client } = this.cluster;
      await dumpNamespace({ client, namespace: middleNamespace }, join(this.outFolder, step));
    });
  }

  get cluster(): MiddleCluster {
    if (this.#cluster === undefined) {
      throw new Error('Cannot use the middle cluster: it is there from beforeAll on');
    }
    return this.#cluster;
  }

  test(name: string, body: () => Promise<void>, timeoutMs?: number): void {
    this.#steps.test(name, body, timeoutMs);
  }

  async open(): Promise<void> {
    const { programs } = readEnvironment();
    this.#cluster = await MiddleCluster.start({
      programs,
      logFolder: join(this.outFolder, 'logs'),
    });
  }

  async close(): Promise<void> {
    await this.#cluster?.stop();
  }
}

/** A spec's middle cluster, opened before its steps and closed after them. */
export function useMiddle(name: string): SpecMiddle {
  const spec = new SpecMiddle(name);
  beforeAll(async () => {
    await spec.open();
  }, timeouts.hook);
  afterAll(async () => {
    await spec.close();
  }, timeouts.hook);
  return spec;
}
