/** Kubernetes in Docker, through the scripts of `test-e2e/kind`. */
import { join } from 'node:path';
import { run } from '../lib/command.ts';
import type { ProviderName } from '../lib/run-environment.ts';
import { timeouts } from '../lib/timeouts.ts';
import type { Provider, ProviderCluster, UpOptions } from './provider.ts';

const scripts = join(import.meta.dirname, '..', 'kind');
const absent = '';

export class KindProvider implements Provider {
  readonly name: ProviderName = 'kind';

  async up(options: UpOptions): Promise<ProviderCluster> {
    const there = await this.find();
    if (there !== undefined) {
      return there;
    }
    options.say('creating a kind cluster (the node image is pulled on first use)');
    const output = await this.#script('up.sh', [], timeouts.kindUp);
    return { kubeconfig: output, kubectl: 'kubectl', started: true };
  }

  async find(): Promise<ProviderCluster | undefined> {
    const kubeconfig = await this.#script('find.sh', [], timeouts.command);
    return kubeconfig === absent ? undefined : { kubeconfig, kubectl: 'kubectl', started: false };
  }

  async loadImage(image: string): Promise<void> {
    await this.#script('load.sh', [image], timeouts.image);
  }

  async down(): Promise<void> {
    await this.#script('down.sh', [], timeouts.kindUp);
  }

  async #script(name: string, args: readonly string[], timeoutMs: number): Promise<string> {
    return (await run(join(scripts, name), args, { timeoutMs, show: true })).trim();
  }
}
