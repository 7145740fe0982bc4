/**
 * The program that `helm test` of the chart dynakv-cluster runs in a pod, taken from the rendered chart
 * and run here, against a cluster that is within reach.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

const rendered = join(
  import.meta.dirname,
  ...['..', '..', 'charts', 'testdata', 'dynakv-cluster.default.yaml'],
);
/** Longer than it waits by itself. */
const runMsMax = 180_000;

interface TestPod {
  readonly kind: string;
  readonly spec: {
    readonly containers: readonly {
      readonly command: readonly string[];
      readonly args: readonly string[];
    }[];
  };
}

/** What it said, if it failed. */
export async function runChartTest(endpoint: string): Promise<string | undefined> {
  const pods = parseAllDocuments(readFileSync(rendered, 'utf8'))
    .map((document) => document.toJS() as TestPod)
    .filter(({ kind }) => kind === 'Pod');
  const [container] = pods.flatMap(({ spec }) => spec.containers);
  const [, ...flags] = container?.command ?? [];
  const child = spawn(process.execPath, [...flags, ...(container?.args ?? [])], {
    env: { ...process.env, ENDPOINT: endpoint },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: runMsMax,
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return code === 0 ? undefined : text;
}
