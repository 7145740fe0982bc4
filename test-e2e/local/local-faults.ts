/**
 * Host faults on the local cluster: its journal knows each component's process and how to start it
 * again, its nodes' cgroups know their containers.
 */
import { run } from '../lib/command.ts';
import type { HostFaults } from '../lib/host-faults.ts';
import type { KubeClient } from '../lib/kube-client.ts';
import type { Pod } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until } from '../lib/waiting.ts';
import { pidsInside } from './cgroups.ts';
import { findComponent, startComponent } from './components.ts';
import { containerdNamespace } from './image-import.ts';
import { kubeletName } from './kube-node.ts';
import { waitForApiServer } from './local-cluster.ts';
import { containerdSocket } from './places.ts';
import { isAlive, signalProcess } from './process-identity.ts';

export class LocalFaults implements HostFaults {
  readonly #client: KubeClient;

  constructor(client: KubeClient) {
    this.#client = client;
  }

  pauseKubelet(node: string): void {
    this.#signal(kubeletName(node), 'SIGSTOP');
  }

  resumeKubelet(node: string): void {
    this.#signal(kubeletName(node), 'SIGCONT');
  }

  async killKubelet(node: string): Promise<void> {
    await this.#kill(kubeletName(node));
  }

  startKubelet(node: string): void {
    this.#start(kubeletName(node));
  }

  async killNode(node: string): Promise<void> {
    await this.#kill(kubeletName(node));
    // Again until none is left: a container may have been on its way.
    await until(`the containers of ${node} to end`, timeouts.component, () => {
      const pids = pidsInside(node);
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It ended with another.
        }
      }
      return pids.length === 0 ? true : undefined;
    });
  }

  async killContainer(pod: Pod, container: string): Promise<void> {
    const status = pod.status?.containerStatuses?.find((each) => each.name === container);
    const id = status?.containerID?.replace('containerd://', '');
    const node = pod.spec.nodeName;
    if (id === undefined || node === undefined) {
      throw new Error(`Cannot kill ${container} of ${pod.metadata.name}: it does not run`);
    }
    const where = ['-a', containerdSocket(node), '-n', containerdNamespace];
    await run('ctr', [...where, 'tasks', 'kill', '--signal', 'SIGKILL', id]);
  }

  async withoutApiServer(body: () => Promise<void>): Promise<void> {
    await this.#kill('kube-apiserver');
    try {
      await body();
    } finally {
      this.#start('kube-apiserver');
      await waitForApiServer(this.#client);
    }
  }

  #signal(name: string, signal: NodeJS.Signals): void {
    if (!signalProcess(findComponent(name).process, signal)) {
      throw new Error(`Cannot send ${signal} to ${name}: it does not run`);
    }
  }

  async #kill(name: string): Promise<void> {
    const { process } = findComponent(name);
    signalProcess(process, 'SIGKILL');
    await until(`${name} to end`, timeouts.component, () => (isAlive(process) ? undefined : true));
  }

  #start(name: string): void {
    const { component, process } = findComponent(name);
    if (isAlive(process)) {
      throw new Error(`Cannot start ${name}: it runs`);
    }
    startComponent(component);
  }
}
