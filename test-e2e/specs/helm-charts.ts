/** Helm as people call it, in a spec's namespace, with the charts of this repository. */
import { join } from 'node:path';
import { run } from '../lib/command.ts';
import { timeouts } from '../lib/timeouts.ts';
import type { SpecCluster } from '../spec-cluster.ts';

const folder = join(import.meta.dirname, '..', '..', 'charts');
const release = 'dynakv';

export class HelmCharts {
  readonly #spec: SpecCluster;
  readonly #program: string;

  private constructor(spec: SpecCluster, program: string) {
    this.#spec = spec;
    this.#program = program;
  }

  static async open(spec: SpecCluster): Promise<HelmCharts> {
    const output = await run(join(folder, 'helm.sh'), ['4'], { timeoutMs: timeouts.install });
    return new HelmCharts(spec, output.trim().split('\n').at(-1) ?? '');
  }

  /** Its output; throws unless it ends with 0. Charts are named by their folders. */
  async run(...args: readonly string[]): Promise<string> {
    return await run(this.#program, [...args, '--namespace', this.#spec.namespace], {
      cwd: folder,
      env: { KUBECONFIG: this.#spec.environment.cluster?.kubeconfig ?? '' },
      timeoutMs: timeouts.test,
    });
  }

  /** Installs the operator of this image, or upgrades to it; it is Ready then. */
  async operator(verb: 'install' | 'upgrade', image = this.#spec.image): Promise<void> {
    await this.run(
      ...[verb, release, 'dynakv-operator', `--set=fullnameOverride=${this.#spec.namespace}`],
      ...['--set=rbac.scope=namespace', '--set=rbac.aggregate=false'],
      // Other specs look after the CRD, and none of them after the policies.
      ...['--set=crds.enabled=false', '--set=admissionPolicies.enabled=false'],
      ...[...imageValues(image), '--wait', '--timeout=150s'],
    );
  }

  async testOperator(): Promise<void> {
    await this.run('test', release, '--timeout=120s');
  }

  async uninstallOperator(): Promise<void> {
    await this.run('uninstall', release, '--ignore-not-found');
  }
}

/** `docker.io/dynakv/dynakv:0.1.0` as values of a chart, below `prefix`. */
export function imageValues(image: string, prefix = ''): readonly string[] {
  const at = image.lastIndexOf(':');
  return [
    `--set=${prefix}image.repository=${image.slice(0, at)}`,
    `--set=${prefix}image.tag=${image.slice(at + 1)}`,
  ];
}
