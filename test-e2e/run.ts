/**
 * `make e2e`: finds or starts a cluster, builds and loads the image, runs the specs, shows the
 * numbers, removes what it started, and ends with `N passed, N failed`.
 *
 *   PROVIDER=kind|local|existing   SPEC=name   DEPTH=smoke|full   KEEP=1   IMAGE=name
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildImage } from './e2e-image.ts';
import { tryRun } from './lib/command.ts';
import { measurementTable, recordMeasurement } from './lib/measurements.ts';
import type { Depth, RunEnvironment } from './lib/run-environment.ts';
import { environmentVariable } from './lib/run-environment.ts';
import { timeouts } from './lib/timeouts.ts';
import { clusterModules, getPrograms, middleModules } from './local/programs.ts';
import type { Provider } from './providers/provider.ts';
import { chooseProvider } from './providers/provider.ts';
import type { SpecFile } from './spec-files.ts';
import { chooseSpecs, parseSpecFiles } from './spec-files.ts';

const root = join(import.meta.dirname, '..');
const specsFolder = join(import.meta.dirname, 'specs');

interface Run {
  readonly specs: readonly SpecFile[];
  readonly depth: Depth;
  readonly keep: boolean;
  readonly outFolder: string;
  /** Aborted by the first Ctrl-C: the specs end, the cluster is removed. */
  readonly interrupted: AbortSignal;
}

const began = performance.now();
/** A run of all specs of a depth, with everything around it, min. */
const minutesAtMost: Readonly<Record<Depth, number>> = { smoke: 8, full: 90 };

function say(line: string): void {
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  process.stdout.write(`e2e: ${seconds} s: ${line}\n`);
}

function openRun(interrupted: AbortSignal): Run {
  const depth = process.env['DEPTH'] || 'smoke';
  if (depth !== 'smoke' && depth !== 'full') {
    throw new Error(`Cannot use DEPTH "${depth}": it is smoke or full`);
  }
  const spec = process.env['SPEC'] ?? '';
  const specs = chooseSpecs(parseSpecFiles(readdirSync(specsFolder)), { spec, depth });
  const outFolder = join(root, 'out', 'e2e', new Date().toISOString().replaceAll(/[:.]/g, '-'));
  mkdirSync(join(outFolder, 'results'), { recursive: true });
  const latest = join(root, 'out', 'e2e', 'latest');
  rmSync(latest, { force: true });
  symlinkSync(basename(outFolder), latest);
  return { specs, depth, keep: process.env['KEEP'] === '1', outFolder, interrupted };
}

/** Starts what the specs need, and calls `body` with it. */
async function withCluster(
  run: Run,
  body: (environment: RunEnvironment) => Promise<void>,
): Promise<void> {
  const { outFolder, depth, keep } = run;
  const shared = { outFolder, depth, keep };
  if (run.specs.every((spec) => spec.isMiddle)) {
    await body({ ...shared, programs: await getPrograms(middleModules) });
    return;
  }
  const provider = await chooseProvider(process.env['PROVIDER']);
  say(`provider ${provider.name}`);
  const image = await buildImage();
  const logFolder = join(outFolder, 'cluster');
  mkdirSync(logFolder, { recursive: true });
  const cluster = await provider.up({ logFolder, ofThisRun: !keep, say });
  try {
    await provider.loadImage(image);
    say(`image ${image} is loaded`);
    const { kubeconfig, kubectl } = cluster;
    await body({
      ...shared,
      programs: await programsFor(run, provider),
      cluster: {
        provider: provider.name,
        kubeconfig,
        kubectl,
        image,
        isRouted: isRouted(provider),
      },
    });
  } finally {
    if (cluster.started && !keep) {
      say('removing the cluster');
      await provider.down();
    } else if (keep) {
      say(`kept, as KEEP=1 says; KUBECONFIG=${cluster.kubeconfig}; make kind-down removes it`);
    }
  }
}

/** Only the local provider's pods are on this host; E2E_FORWARD=1 forwards there too. */
function isRouted(provider: Provider): boolean {
  return provider.name === 'local' && process.env['E2E_FORWARD'] !== '1';
}

async function programsFor(
  run: Run,
  provider: Provider,
): Promise<Readonly<Record<string, string>>> {
  if (provider.name === 'local') {
    return await getPrograms(clusterModules);
  }
  return run.specs.some((spec) => spec.isMiddle) ? await getPrograms(middleModules) : {};
}

async function runSpecs(run: Run, environment: RunEnvironment): Promise<void> {
  const file = join(run.outFolder, 'environment.json');
  writeFileSync(file, `${JSON.stringify(environment, null, 2)}\n`);
  const child = spawn(
    process.execPath,
    [
      ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
      join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
      ...['--config', join(import.meta.dirname, 'jest.config.js'), '--json'],
      `--outputFile=${join(run.outFolder, 'results', 'jest.json')}`,
      ...['--runTestsByPath', ...run.specs.map((spec) => join(specsFolder, spec.file))],
    ],
    {
      // Its JSON goes to the file; what people read is on the error output.
      stdio: ['ignore', 'ignore', 'inherit'],
      cwd: root,
      env: { ...process.env, [environmentVariable]: file },
    },
  );
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  run.interrupted.addEventListener('abort', stop);
  const timer = setTimeout(stop, timeouts.specs);
  await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
}

/** The last line of a run, and whether it is a good one. */
async function conclude(run: Run): Promise<boolean> {
  if ((process.env['SPEC'] ?? '') === '') {
    recordMeasurement(run.outFolder, {
      ...{ what: `all specs of DEPTH=${run.depth} in whole`, unit: 'min' },
      value: (performance.now() - began) / 60_000,
      atMost: minutesAtMost[run.depth],
    });
  }
  for (const line of measurementTable(run.outFolder)) {
    process.stdout.write(`${line}\n`);
  }
  const counter = join(root, 'node', 'test', 'count-results.ts');
  const counted = await tryRun(process.execPath, [counter, join(run.outFolder, 'results')]);
  process.stdout.write(counted.stdout || '0 passed, 1 failed\n');
  return counted.code === 0;
}

async function main(): Promise<boolean> {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      interruption.abort();
    });
  }
  const run = openRun(interruption.signal);
  say(`${run.specs.map((spec) => spec.name).join(', ')}; everything is kept in ${run.outFolder}`);
  try {
    await withCluster(run, async (environment) => {
      await runSpecs(run, environment);
    });
  } catch (error) {
    say(Error.isError(error) ? error.message : String(error));
  }
  return await conclude(run);
}

if (import.meta.main) {
  try {
    process.exitCode = (await main()) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${Error.isError(error) ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
