/** Images into a node's containerd, from an archive that `docker save` or `podman save` made. */
import { run } from '../lib/command.ts';
import { timeouts } from '../lib/timeouts.ts';

/** The containerd namespace that kubelets use. */
export const containerdNamespace = 'k8s.io';

export async function importImage(socket: string, archive: string): Promise<void> {
  const args = ['-a', socket, '-n', containerdNamespace, 'images', 'import', archive];
  await run('ctr', args, { timeoutMs: timeouts.image });
}
