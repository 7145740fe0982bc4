/**
 * The command line of `kubectl dynakv`: the verbs of `dynakv` about a cluster, on one that is found
 * through Kubernetes. Which cluster, say kubectl's own flags, before the verb or after it.
 */
import { Command, CommanderError } from 'commander';
import type { ClusterCalls } from '../../node/contract/cluster-calls.ts';
import type { Random } from '../../node/sys/random.ts';
import type { Timers } from '../../node/sys/clock.ts';
import { addClusterVerbs } from '../../node/verbs/cluster-verbs.ts';
import { describeFailure } from '../../node/verbs/failure-line.ts';
import { FoundCluster } from '../../node/verbs/found-cluster.ts';
import { KubeClient } from '../kube/kube-client.ts';
import { KubeHttp } from '../kube/kube-http.ts';
import { kubeconfigConnection } from '../kube/kubeconfig-connection.ts';
import { KubeDatabase } from './kube-database.ts';
import { PodCalls } from './pod-calls.ts';

export interface PluginWorld {
  readonly version: string;
  /** Of the environment: $KUBECONFIG. */
  readonly kubeconfig: string | undefined;
  /** The program. */
  readonly kubectl: string;
  readonly timers: Timers;
  readonly random: Random;
  readonly writeOut: (text: string) => void;
  readonly writeError: (text: string) => void;
  readonly isTerminal: boolean;
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

interface TargetFlags {
  readonly namespace?: string;
  readonly cluster?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly direct?: boolean;
}

/** Runs one command line (without program names); resolves to the exit code. */
export async function runPlugin(line: readonly string[], world: PluginWorld): Promise<number> {
  const program = new Command('kubectl dynakv')
    .description('Look at and change a DynamoCluster, found through Kubernetes')
    .version(world.version, '--version', 'Show the version')
    .helpOption('--help', 'Show this help')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: world.writeOut, writeErr: world.writeError })
    .exitOverride()
    .option('-n, --namespace <name>', 'Namespace of the cluster; default: the context’s')
    .option('--cluster <name>', 'The DynamoCluster; default: the only one of the namespace')
    .option('--context <name>', 'Context of the kubeconfig; default: the current one')
    .option('--kubeconfig <file>', 'Default: $KUBECONFIG, then ~/.kube/config')
    .option('--direct', 'Dial pods by their addresses, not through kubectl port-forward');
  addClusterVerbs(program, {
    ...world,
    addTargetOptions: () => undefined,
    open: () => openDatabase(program.opts<TargetFlags>(), world),
  });
  try {
    await program.parseAsync([...line], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode;
    }
    world.writeError(`${describeFailure(error, line.includes('--json'))}\n`);
    return 1;
  }
}

function openDatabase(flags: TargetFlags, world: PluginWorld): ClusterCalls {
  const opened = open(flags, world);
  // A failure shows when something is asked.
  opened.catch(() => undefined);
  return new FoundCluster(
    async () => await (await opened).database.findPods(),
    (pod) =>
      new PodCalls(async () => {
        const { database } = await opened;
        return await database.wayTo(pod);
      }),
    () => {
      void opened.then(
        ({ http }) => http.close(),
        () => undefined,
      );
    },
  );
}

async function open(
  flags: TargetFlags,
  world: PluginWorld,
): Promise<{ readonly database: KubeDatabase; readonly http: KubeHttp }> {
  const kubeconfig = flags.kubeconfig ?? world.kubeconfig;
  const { context, cluster, direct: isDirect = false } = flags;
  const { kubectl, timers, random } = world;
  const connection = await kubeconfigConnection({ kubeconfig, context });
  const namespace = flags.namespace ?? connection.namespace;
  const http = new KubeHttp({ connection, timers, random, userAgent: 'kubectl-dynakv' });
  const client = new KubeClient(http);
  const kubectlArgs = [
    ...(flags.kubeconfig === undefined ? [] : ['--kubeconfig', flags.kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
    ...['--namespace', namespace],
  ];
  const options = { client, namespace, cluster, isDirect, kubectl, kubectlArgs, timers };
  return { database: new KubeDatabase(options), http };
}
