/** The programs of the local cluster: built by `build.sh` where they are not cached yet. */
import { join } from 'node:path';
import { run } from '../lib/command.ts';
import { timeouts } from '../lib/timeouts.ts';

const folder = import.meta.dirname;
const etcdScript = join(folder, '..', '..', 'node', 'bench', 'setup.sh');

/** Module (see build.sh) → its programs. */
const modules = {
  kubernetes: [
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'],
    'kubectl',
  ],
  coredns: ['coredns'],
  helm3: ['helm3'],
  helm4: ['helm4'],
  pause: ['pause'],
} as const;

export type ProgramModule = keyof typeof modules | 'etcd';

/** What each use takes. */
export const clusterModules: readonly ProgramModule[] = ['etcd', 'kubernetes', 'coredns', 'pause'];
export const middleModules: readonly ProgramModule[] = ['etcd', 'kubernetes'];
export const chartModules: readonly ProgramModule[] = ['helm3', 'helm4'];

/** Program → path, of the modules asked for, one module built after the other. */
export async function getPrograms(
  wanted: readonly ProgramModule[],
): Promise<Readonly<Record<string, string>>> {
  const paths: Record<string, string> = {};
  for (const module of wanted) {
    const isEtcd = module === 'etcd';
    const output = await run(isEtcd ? etcdScript : join(folder, 'build.sh'), [module], {
      timeoutMs: timeouts.build,
      show: true,
    });
    const cache = output.trim().split('\n').at(-1) ?? '';
    for (const program of isEtcd ? ['etcd'] : modules[module]) {
      paths[program] = join(cache, program);
    }
  }
  return paths;
}

/** Installs Debian packages where programs are missing; the folder of prometheus and promtool. */
export async function installPackages(): Promise<string> {
  const output = await run(join(folder, 'packages.sh'), [], {
    timeoutMs: timeouts.install,
    show: true,
  });
  return output.trim().split('\n').at(-1) ?? '';
}
