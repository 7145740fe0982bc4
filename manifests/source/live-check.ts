/**
 * `make observability`: every query of every panel, the inputs of every alert and every rule, run
 * by a real Prometheus that scrapes a real cluster. By itself it starts three node processes with
 * load on loopback, and in the end kills one to see the alerts that must notice. With
 * `--namespace= --cluster= name=host:port …` it looks at nodes that run already, such as pods, and
 * sends them requests if `--client=http://host:port …` says where.
 * The last line is `N passed, N failed`.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ProcessCluster, outFolder, until } from '../../node/test/processes/cluster.ts';
import type { Alert } from './alert.ts';
import { prometheusFolder } from './alerts-check.ts';
import { runChartTest } from './chart-test-script.ts';
import { LiveLoad } from './live-load.ts';
import type { WatchedCluster } from './prometheus-server.ts';
import { PrometheusServer } from './prometheus-server.ts';
import { withoutVariables } from './promql.ts';
import type { ListedQuery } from './query-list.ts';
import { alertInputs, panelQueries } from './query-list.ts';

const folder = join(outFolder, 'monitoring');
/** Twenty scrapes: enough on a machine that is busy with something else. */
const rateInterval = '20s';
/** A rate needs two scrapes, a quantile a request between them. */
const queriesMsMax = 90_000;
const alertsMsMax = 60_000;
const pollMs = 1_000;

/** One that depends on this machine's disk may be active with every reason. */
const ofThisMachine = /^DynaKVDisk/;
/** What one of three nodes must set off when it is killed. */
const ofKilledNode: readonly Alert['name'][] = [
  'DynaKVNodeDown',
  'DynaKVQuorumAtRisk',
  'DynaKVShardUnderReplicated',
];

class Tally {
  passed = 0;
  failed = 0;

  add(isGood: boolean, what: string): void {
    if (isGood) {
      this.passed += 1;
    } else {
      this.failed += 1;
      say(`FAILED ${what}`);
    }
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Asks again until each query has found a number, or the time is over. */
async function checkQueries(
  server: PrometheusServer,
  cluster: WatchedCluster,
  tally: Tally,
): Promise<void> {
  const values = { namespace: cluster.namespace, cluster: cluster.name, rateInterval };
  let open: readonly ListedQuery[] = [...panelQueries(), ...alertInputs()];
  const count = open.length;
  const giveUpAt = performance.now() + queriesMsMax;
  while (open.length > 0 && performance.now() < giveUpAt) {
    await new Promise((resolve) => {
      setTimeout(resolve, pollMs);
    });
    const unanswered: ListedQuery[] = [];
    for (const query of open) {
      const samples = await server.query(withoutVariables(query.expr, values));
      if (!samples.some(({ value }) => Number.isFinite(value))) {
        unanswered.push(query);
      }
    }
    open = unanswered;
  }
  for (const { place, expr } of open) {
    tally.add(false, `${place}: no series: ${expr}`);
  }
  tally.passed += count - open.length;
  say(`${count - open.length} of ${count} queries of panels and alerts found series`);
}

/** All rules evaluate, and none is active in a cluster that is well. */
async function checkRules(server: PrometheusServer, tally: Tally): Promise<void> {
  for (const { name, health, state } of await server.rules()) {
    tally.add(health === 'ok', `rule ${name} cannot be evaluated: ${health}`);
    if (!ofThisMachine.test(name)) {
      tally.add(state === 'inactive', `alert ${name} is ${state} though nothing is wrong`);
    }
  }
}

/** Kills a node, and waits until the alerts that must notice are on their way. */
async function checkKill(
  server: PrometheusServer,
  cluster: ProcessCluster,
  tally: Tally,
): Promise<void> {
  await cluster.kill([cluster.nodeCount]);
  for (const name of ofKilledNode) {
    const isActive = async (): Promise<boolean> => {
      const rule = (await server.rules()).find((each) => each.name === name);
      return rule !== undefined && rule.state !== 'inactive';
    };
    const failure = await until(isActive, alertsMsMax, `${name} becomes active`).then(
      () => undefined,
      (error: unknown) => error,
    );
    tally.add(failure === undefined, `alert ${name} did not notice that a node was killed`);
  }
  say('killed a node: the alerts noticed');
}

async function checkOwnCluster(tally: Tally): Promise<void> {
  const program = prometheusFolder();
  await using cluster = await ProcessCluster.start({ name: 'observability', ownsNodes: true });
  const load = new LiveLoad(cluster.nodes().map((node) => cluster.clientUrl(node)));
  const watched = {
    ...{ namespace: 'loopback', name: 'observability' },
    nodes: cluster.nodes().map((node) => ({
      name: `observability-${node - 1}`,
      address: `127.0.0.1:${cluster.opsPort(node)}`,
    })),
  };
  const server = await PrometheusServer.start(program, folder, watched);
  try {
    await checkQueries(server, watched, tally);
    await checkRules(server, tally);
    const problem = await runChartTest(`${cluster.clientUrl(1)}/`);
    tally.add(problem === undefined, `helm test of the chart of a cluster: ${problem ?? ''}`);
    await checkKill(server, cluster, tally);
  } finally {
    await load.stop();
    await server.stop();
  }
}

interface GivenCluster {
  readonly watched: WatchedCluster;
  /** Where to send requests; empty: somebody else does. */
  readonly clients: readonly string[];
}

async function checkGiven({ watched, clients }: GivenCluster, tally: Tally): Promise<void> {
  const server = await PrometheusServer.start(prometheusFolder(), folder, watched);
  const load = clients.length === 0 ? undefined : new LiveLoad(clients);
  try {
    await checkQueries(server, watched, tally);
    await checkRules(server, tally);
  } finally {
    await load?.stop();
    await server.stop();
  }
}

function readCommandLine(): GivenCluster | undefined {
  const { values, positionals } = parseArgs({
    options: {
      namespace: { type: 'string' },
      cluster: { type: 'string' },
      client: { type: 'string', multiple: true },
    },
    allowPositionals: true,
  });
  if (positionals.length === 0) {
    return undefined;
  }
  const nodes = positionals.map((text) => {
    const [name = '', address = ''] = text.split('=');
    if (name === '' || !/^.+:\d+$/.test(address)) {
      throw new Error(`Cannot understand a node: expected name=host:port, not "${text}"`);
    }
    return { name, address };
  });
  const { namespace = 'default', cluster: name = 'demo', client: clients = [] } = values;
  return { watched: { namespace, name, nodes }, clients };
}

async function main(): Promise<boolean> {
  const tally = new Tally();
  const given = readCommandLine();
  await (given === undefined ? checkOwnCluster(tally) : checkGiven(given, tally));
  say(`${tally.passed} passed, ${tally.failed} failed`);
  return tally.failed === 0;
}

if (import.meta.main) {
  try {
    process.exitCode = (await main()) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${Error.isError(error) ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
