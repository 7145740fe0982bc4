/**
 * The middle tier by hand: `node test-e2e/middle/serve.ts` starts it, prints its KUBECONFIG and
 * stays until Ctrl-C. For trying a controller against a real API server within seconds, without
 * root, containers or images.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getPrograms, middleModules } from '../local/programs.ts';
import { MiddleCluster } from './middle-cluster.ts';

async function main(): Promise<void> {
  const folder = join(import.meta.dirname, '..', '..', 'out', 'e2e', 'middle');
  mkdirSync(folder, { recursive: true });
  const programs = await getPrograms(middleModules);
  const ended = new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  const cluster = await MiddleCluster.start({ programs, logFolder: folder });
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, cluster.kubeconfig(), { mode: 0o600 });
  process.stdout.write(`export KUBECONFIG=${kubeconfig}\nCtrl-C ends it\n`);
  await ended;
  await cluster.stop();
}

if (import.meta.main) {
  await main();
}
