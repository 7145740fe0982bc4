/**
 * The cluster by hand: `cluster.ts up`, `down`, `load IMAGE` (into the cluster that runs, if one
 * does). PROVIDER chooses; the Makefile has the targets.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chooseProvider } from './providers/provider.ts';

const outFolder = join(import.meta.dirname, '..', 'out', 'e2e');

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function up(): Promise<void> {
  const provider = await chooseProvider(process.env['PROVIDER']);
  const logFolder = join(outFolder, 'cluster');
  mkdirSync(logFolder, { recursive: true });
  const cluster = await provider.up({ logFolder, ofThisRun: false, say });
  say(`provider ${provider.name}: ${cluster.started ? 'started' : 'runs already'}`);
  say(`export KUBECONFIG=${cluster.kubeconfig}`);
  if (cluster.kubectl.includes('/')) {
    say(`export PATH=${join(cluster.kubectl, '..')}:$PATH`);
  }
}

async function down(): Promise<void> {
  const provider = await chooseProvider(process.env['PROVIDER']);
  await provider.down();
  say(`provider ${provider.name}: nothing of it is left`);
}

async function load(image: string): Promise<void> {
  const provider = await chooseProvider(process.env['PROVIDER']);
  if (provider.name === 'existing' || (await provider.find()) === undefined) {
    say(`${image}: built; no cluster of ours runs to load it into`);
    return;
  }
  await provider.loadImage(image);
  say(`${image}: loaded into the ${provider.name} cluster`);
}

async function main(verb: string, argument: string): Promise<void> {
  switch (verb) {
    case 'up':
      await up();
      return;
    case 'down':
      await down();
      return;
    case 'load':
      await load(argument);
      return;
    default:
      throw new Error(`Cannot do "${verb}": usage: cluster.ts up|down|load IMAGE`);
  }
}

if (import.meta.main) {
  const [verb = '', argument = ''] = process.argv.slice(2);
  try {
    await main(verb, argument);
  } catch (error) {
    process.stderr.write(`${Error.isError(error) ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
