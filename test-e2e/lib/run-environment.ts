/**
 * What the runner (`run.ts`) tells the specs: which cluster, where the programs are, where to leave
 * what was found. One JSON file, named by DYNAKV_E2E.
 */
import { readFileSync } from 'node:fs';

export type ProviderName = 'kind' | 'local' | 'existing';
export type Depth = 'smoke' | 'full';

export interface RunEnvironment {
  /** Absent when only the middle tier is tested. */
  readonly cluster?: {
    readonly provider: ProviderName;
    readonly kubeconfig: string;
    readonly kubectl: string;
    /** The image under test, as pods name it. */
    readonly image: string;
    /** Whether this host routes to the addresses of pods and Services. */
    readonly isRouted: boolean;
  };
  /** Programs by name: etcd, kube-apiserver, helm3 … */
  readonly programs: Readonly<Record<string, string>>;
  /** Where this run leaves logs, dumps and numbers: `out/e2e/<run>`. */
  readonly outFolder: string;
  readonly depth: Depth;
  /** Leave namespaces and clusters as they are when a spec ends. */
  readonly keep: boolean;
}

export const environmentVariable = 'DYNAKV_E2E';

export function readEnvironment(): RunEnvironment {
  const file = process.env[environmentVariable];
  if (file === undefined) {
    throw new Error(`Cannot run a spec by itself: make e2e SPEC=name sets ${environmentVariable}`);
  }
  return JSON.parse(readFileSync(file, 'utf8')) as RunEnvironment;
}
