/** The cluster of this host's own processes (`test-e2e/local`). */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/command.ts';
import type { ProviderName } from '../lib/run-environment.ts';
import { timeouts } from '../lib/timeouts.ts';
import { nodesMax } from '../local/addresses.ts';
import { cleanUp } from '../local/clean-up.ts';
import { importImage } from '../local/image-import.ts';
import { findLocalCluster, requireRoot, startLocalCluster } from '../local/local-cluster.ts';
import { containerdSocket, kubeconfigFile, runFolder } from '../local/places.ts';
import { clusterModules, getPrograms, installPackages } from '../local/programs.ts';
import type { Provider, ProviderCluster, UpOptions } from './provider.ts';

const imageScripts = join(import.meta.dirname, '..', 'image');
/** Archives of images on their way into the nodes. */
const archiveFolder = join(import.meta.dirname, '..', '..', 'out', 'image');

export class LocalProvider implements Provider {
  readonly name: ProviderName = 'local';

  async up(options: UpOptions): Promise<ProviderCluster> {
    const there = await this.find();
    if (there !== undefined) {
      return there;
    }
    requireRoot();
    await installPackages();
    const programs = await getPrograms(clusterModules);
    const pause = await run(join(imageScripts, 'pause.sh'), [programs['pause'] ?? '']);
    await startLocalCluster({
      nodes: nodesMax,
      programs,
      pauseArchive: pause.trim(),
      logFolder: options.logFolder,
      endsWithStarter: options.ofThisRun,
      say: options.say,
    });
    return { kubeconfig: kubeconfigFile, kubectl: programs['kubectl'] ?? '', started: true };
  }

  async find(): Promise<ProviderCluster | undefined> {
    const cluster = findLocalCluster();
    const kubectl = cluster?.programs['kubectl'];
    return kubectl === undefined
      ? undefined
      : { kubeconfig: kubeconfigFile, kubectl, started: false };
  }

  async loadImage(image: string): Promise<void> {
    const cluster = findLocalCluster();
    if (cluster === undefined) {
      throw new Error('Cannot load an image: no local cluster runs; make kind-up starts one');
    }
    const id = (await run('podman', ['image', 'inspect', '--format', '{{ .Id }}', image])).trim();
    const marker = join(runFolder, `image-${encodeURIComponent(image)}`);
    if (existsSync(marker) && readFileSync(marker, 'utf8') === id) {
      return;
    }
    // Of this process alone: another run may load the same image.
    const archive = join(archiveFolder, `${id.slice(0, 12)}-${process.pid}.tar`);
    mkdirSync(archiveFolder, { recursive: true });
    rmSync(archive, { force: true });
    try {
      await run('podman', ['save', '--quiet', '--format', 'docker-archive', '-o', archive, image], {
        timeoutMs: timeouts.image,
      });
      const sockets = cluster.nodes.map((node) => containerdSocket(node.name));
      await Promise.all(sockets.map((socket) => importImage(socket, archive)));
    } finally {
      rmSync(archive, { force: true });
    }
    writeFileSync(marker, id);
  }

  async down(): Promise<void> {
    // Throws while another program starts it or tests on it.
    findLocalCluster();
    await cleanUp();
  }
}
