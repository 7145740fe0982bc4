/**
 * Faults that need hands on the host. The local provider has them (`local/local-faults.ts`); with
 * other providers the steps that need them are reported as skipped (`SpecCluster.localTest`). Node
 * names are those of the Node objects.
 */
import type { Pod } from './kube-objects.ts';

export interface HostFaults {
  /** The kubelet hangs (SIGSTOP): processes live on, the node is soon NotReady. */
  pauseKubelet(node: string): void;
  resumeKubelet(node: string): void;
  /** The kubelet is killed; containers live on. */
  killKubelet(node: string): Promise<void>;
  startKubelet(node: string): void;
  /** The node loses power: kubelet and all containers are killed at once. */
  killNode(node: string): Promise<void>;
  /** SIGKILL to the first process of a container. */
  killContainer(pod: Pod, container: string): Promise<void>;
  /** The API server is gone while `body` runs, and answers again when this returns. */
  withoutApiServer(body: () => Promise<void>): Promise<void>;
}
