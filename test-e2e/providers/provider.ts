/**
 * Where the cluster of a run comes from. `kind` needs a Docker engine, `local` needs root and Go,
 * `existing` needs a KUBECONFIG.
 */
import { tryRun } from '../lib/command.ts';
import type { ProviderName } from '../lib/run-environment.ts';
import { ExistingProvider } from './existing-provider.ts';
import { KindProvider } from './kind-provider.ts';
import { LocalProvider } from './local-provider.ts';

export interface ProviderCluster {
  readonly kubeconfig: string;
  readonly kubectl: string;
  /** False: it was there before, and stays when the run ends. */
  readonly started: boolean;
}

export interface UpOptions {
  /** Folder for logs of the cluster's own parts. */
  readonly logFolder: string;
  /** The cluster is this run's own: if the run is interrupted, the next one removes it. */
  readonly ofThisRun: boolean;
  readonly say: (line: string) => void;
}

export interface Provider {
  readonly name: ProviderName;
  /** Attaches to the cluster that runs, or starts one. */
  up(options: UpOptions): Promise<ProviderCluster>;
  /** The cluster that runs, if one does. */
  find(): Promise<ProviderCluster | undefined>;
  /** Puts an image of this machine's Docker or Podman into the cluster that runs. */
  loadImage(image: string): Promise<void>;
  /** Removes the cluster, or what an interrupted run has left of one. */
  down(): Promise<void>;
}

/** Docker is asked, not looked for: its client may be there without an engine. */
const dockerAskMs = 10_000;

export async function hasDocker(): Promise<boolean> {
  try {
    const asked = await tryRun('docker', ['version'], { timeoutMs: dockerAskMs });
    return asked.code === 0;
  } catch {
    return false;
  }
}

/** The provider of a name; without one, kind where Docker answers, else local. */
export async function chooseProvider(name: string | undefined): Promise<Provider> {
  const chosen = name === undefined || name === '' ? await defaultProvider() : name;
  switch (chosen) {
    case 'kind':
      return new KindProvider();
    case 'local':
      return new LocalProvider();
    case 'existing':
      return new ExistingProvider();
    default:
      throw new Error(`Cannot use provider "${chosen}": it is kind, local or existing`);
  }
}

async function defaultProvider(): Promise<ProviderName> {
  return (await hasDocker()) ? 'kind' : 'local';
}
