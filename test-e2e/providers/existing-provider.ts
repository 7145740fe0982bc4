/**
 * Whatever KUBECONFIG points to. Nothing is started or removed but the specs' own namespaces; the
 * image must be within the cluster's reach under the name that IMAGE says.
 */
import type { ProviderName } from '../lib/run-environment.ts';
import { run } from '../lib/command.ts';
import type { Provider, ProviderCluster } from './provider.ts';

export class ExistingProvider implements Provider {
  readonly name: ProviderName = 'existing';

  async up(): Promise<ProviderCluster> {
    return await this.find();
  }

  async find(): Promise<ProviderCluster> {
    const kubeconfig = process.env['KUBECONFIG'];
    if (kubeconfig === undefined || kubeconfig === '') {
      throw new Error('Cannot use the existing cluster: KUBECONFIG names none');
    }
    const kubectl = 'kubectl';
    await run(kubectl, ['--kubeconfig', kubeconfig, 'get', '--raw', '/readyz']);
    return { kubeconfig, kubectl, started: false };
  }

  async loadImage(image: string): Promise<void> {
    if (process.env['IMAGE'] !== image) {
      throw new Error(
        `Cannot load ${image} into a cluster that is not ours: push it, and name it with IMAGE=`,
      );
    }
  }

  async down(): Promise<void> {
    // It is not ours to remove.
  }
}
