/**
 * Renders the charts with helm 3 and helm 4 (`charts/helm.sh`): both must give the same, which is
 * what `charts/testdata` and `manifests/install.yaml` hold; lints them; and feeds them values that
 * they must refuse. `--write` accepts what is rendered. The last line is `N passed, N failed`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ChartCase } from './chart-cases.ts';
import { chartCases, refusals } from './chart-cases.ts';

const root = join(import.meta.dirname, '..', '..');
const charts = join(root, 'charts');
const goldens = join(charts, 'testdata');
const fetchMsMax = 300_000;
const helmMsMax = 60_000;
const lines = [3, 4] as const;
type HelmLine = (typeof lines)[number];

const installNotice =
  '# What `helm install dynakv charts/dynakv-operator` installs, for `kubectl apply --server-side`.\n' +
  '# Rendered by `make charts`; the namespace is part of it.\n';
const installNamespace = 'dynakv-system';
const namespaceObject = [
  'apiVersion: v1',
  'kind: Namespace',
  'metadata:',
  `  name: ${installNamespace}`,
  '  labels:',
  '    pod-security.kubernetes.io/enforce: restricted',
  '',
].join('\n');

interface Outcome {
  readonly isGood: boolean;
  readonly text: string;
  readonly problem: string;
}

function runProgram(program: string, args: readonly string[], timeout: number): Outcome {
  const { status, stdout, stderr } = spawnSync(program, args, {
    ...{ encoding: 'utf8', timeout, cwd: charts, maxBuffer: 64 * 1024 * 1024 },
    // No configuration of this machine, and no cluster.
    env: { ...process.env, KUBECONFIG: '/dev/null', HELM_NO_PLUGINS: '1' },
  });
  return { isGood: status === 0, text: stdout, problem: `${stderr}${stdout}` };
}

class ChartsCheck {
  passed = 0;
  failed = 0;
  readonly #helm = new Map<HelmLine, string>();
  readonly #accepts: boolean;

  constructor(accepts: boolean) {
    this.#accepts = accepts;
  }

  findHelm(): void {
    for (const line of lines) {
      const { isGood, text, problem } = runProgram(
        join(charts, 'helm.sh'),
        [String(line)],
        fetchMsMax,
      );
      if (!isGood) {
        throw new Error(problem.trim());
      }
      this.#helm.set(line, text.trim().split('\n').at(-1) ?? '');
    }
  }

  tally(isGood: boolean, what: string): void {
    if (isGood) {
      this.passed += 1;
    } else {
      this.failed += 1;
      process.stdout.write(`FAILED ${what}\n`);
    }
  }

  helm(line: HelmLine, args: readonly string[]): Outcome {
    return runProgram(this.#helm.get(line) ?? '', args, helmMsMax);
  }

  /** The text if both lines give it; undefined, and told, if not. */
  render(what: string, args: readonly string[]): string | undefined {
    const outcomes = lines.map((line) => this.helm(line, ['template', ...args]));
    for (const [index, { isGood, problem }] of outcomes.entries()) {
      if (!isGood) {
        this.tally(false, `${what}: helm ${lines[index] ?? ''} refuses: ${problem}`);
        return undefined;
      }
    }
    const [three, four] = outcomes.map(({ text }) => text);
    this.tally(three === four, `${what}: helm 3 and helm 4 render differently`);
    return four;
  }

  compare(path: string, text: string | undefined): void {
    if (text === undefined) {
      return;
    }
    if (this.#accepts) {
      writeFileSync(path, text);
    }
    const known = existsSync(path) ? readFileSync(path, 'utf8') : '';
    this.tally(known === text, `${path} is not what the chart renders: make charts`);
  }

  checkCase({ chart, name, release, namespace, more = [] }: ChartCase): void {
    const what = `${chart}.${name}`;
    const args = [
      release,
      chart,
      '-n',
      namespace,
      '-f',
      `${chart}/ci/${name}-values.yaml`,
      ...more,
    ];
    this.compare(join(goldens, `${what}.yaml`), this.render(what, args));
    // Only helm 4 shows notes without a cluster.
    const notes = this.helm(4, ['install', ...args, '--dry-run=client', '--hide-notes=false']);
    const [, text = ''] = notes.text.split('\nNOTES:\n');
    this.tally(notes.isGood && text !== '', `${what}: no notes: ${notes.problem}`);
    this.compare(join(goldens, `${what}.notes.txt`), text);
  }

  checkInstallManifest(): void {
    const what = 'install.yaml';
    const args = ['dynakv', 'dynakv-operator', '-n', installNamespace, '--skip-tests'];
    const text = this.render(what, args);
    const whole = text === undefined ? undefined : `${installNotice}${namespaceObject}${text}`;
    this.compare(join(root, 'manifests', 'install.yaml'), whole);
  }

  /** The objects of the sidecar hold the dashboards to the letter. */
  checkDashboards(): void {
    const args = ['dynakv', 'dynakv-operator', '--set=monitoring.dashboards.enabled=true'];
    const text = this.render('dashboards', [...args, '--show-only=templates/dashboards.yaml']);
    for (const name of ['cluster-overview', 'shards-and-raft', 'rebalance-and-drain']) {
      const board = readFileSync(join(root, 'manifests', 'dashboards', `${name}.json`), 'utf8');
      const block = board.trim().replace(/^/gm, '    ');
      this.tally(text?.includes(block) === true, `dashboard ${name} is not whole in its ConfigMap`);
    }
  }

  /** The schema of the cluster chart is the CRD's: samples must pass it. */
  checkSamples(): void {
    const folder = join(root, 'manifests', 'samples');
    for (const file of readdirSync(folder)) {
      const { spec } = parse(readFileSync(join(folder, file), 'utf8')) as { spec: object };
      const values = `--set-json=spec=${JSON.stringify(spec)}`;
      const { isGood, problem } = this.helm(4, ['template', 'demo', 'dynakv-cluster', values]);
      this.tally(isGood, `sample ${file}: ${problem}`);
    }
  }

  checkLint(): void {
    for (const line of lines) {
      const { isGood, problem } = this.helm(line, [
        ...['lint', '--strict', '--quiet', 'dynakv-operator', 'dynakv-cluster'],
      ]);
      this.tally(isGood, `helm ${line} lint: ${problem}`);
    }
  }

  checkRefusals(): void {
    for (const { chart, args, words } of refusals) {
      for (const line of lines) {
        const { isGood, problem } = this.helm(line, ['template', 'demo', chart, ...args]);
        const isTold = !isGood && words.every((word) => problem.includes(word));
        this.tally(isTold, `helm ${line} takes ${chart} ${args.join(' ')}, or says: ${problem}`);
      }
    }
  }
}

function main(): boolean {
  const check = new ChartsCheck(process.argv.includes('--write'));
  mkdirSync(goldens, { recursive: true });
  check.findHelm();
  chartCases.forEach((each) => {
    check.checkCase(each);
  });
  check.checkInstallManifest();
  check.checkDashboards();
  check.checkSamples();
  check.checkLint();
  check.checkRefusals();
  process.stdout.write(`${check.passed} passed, ${check.failed} failed\n`);
  return check.failed === 0;
}

if (import.meta.main) {
  try {
    process.exitCode = main() ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${Error.isError(error) ? error.message : String(error)}\n`);
    process.stdout.write('0 passed, 1 failed\n');
    process.exitCode = 1;
  }
}
