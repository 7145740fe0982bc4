/**
 * `make e2e-setup`: everything that the local provider, the middle tier and the chart tests build or
 * install, before a test needs it. Each part is done once for a machine; a second call takes a
 * second. It goes on with the next program after an interruption.
 */
import { getPrograms, chartModules, clusterModules, installPackages } from './local/programs.ts';

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const began = performance.now();
  const seconds = (): string => `${((performance.now() - began) / 1_000).toFixed(0)} s`;
  const prometheus = await installPackages();
  say(`packages are there after ${seconds()}; prometheus and promtool in ${prometheus}`);
  for (const module of [...clusterModules, ...chartModules]) {
    await getPrograms([module]);
    say(`${module} is there after ${seconds()}`);
  }
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${Error.isError(error) ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
