/**
 * Replays every scenario of every alert with promtool, which it takes from the Debian package
 * (`manifests/prometheus.sh`), and checks the syntax of all rules. The last line is
 * `N passed, N failed`.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertScenarios } from './alert-scenarios.ts';
import { ruleGroups, ruleTests } from './alert-rules.ts';
import { yamlText } from './yaml-text.ts';

const folder = join(import.meta.dirname, '..', '..', 'out', 'monitoring');
const promtoolMsMax = 60_000;
const installMsMax = 300_000;

/** The folder of prometheus and promtool. */
export function prometheusFolder(): string {
  const script = join(import.meta.dirname, '..', 'prometheus.sh');
  const result = spawnSync(script, [], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: installMsMax,
  });
  const path = result.stdout.trim().split('\n').at(-1) ?? '';
  if (result.status !== 0 || path === '') {
    throw new Error('Cannot have Prometheus: its message is above');
  }
  return path;
}

function promtool(folderOfTool: string, args: readonly string[]): boolean {
  const result = spawnSync(join(folderOfTool, 'promtool'), args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: promtoolMsMax,
  });
  const isGood = result.status === 0;
  process.stdout.write(isGood ? '' : `${result.stdout}${result.stderr}`);
  return isGood;
}

function main(): boolean {
  const tool = prometheusFolder();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'rules.yaml'), yamlText(ruleGroups()));
  let failed = promtool(tool, ['check', 'rules', 'rules.yaml']) ? 0 : 1;
  for (const [index, scenario] of alertScenarios.entries()) {
    const file = `scenario-${index}.yaml`;
    writeFileSync(join(folder, file), yamlText(ruleTests('rules.yaml', [scenario])));
    if (!promtool(tool, ['test', 'rules', file])) {
      failed += 1;
      process.stdout.write(
        `FAILED ${scenario.alert}: ${scenario.story} (out/monitoring/${file})\n`,
      );
    }
  }
  const count = alertScenarios.length + 1;
  process.stdout.write(`${count - failed} passed, ${failed} failed\n`);
  return failed === 0;
}

if (import.meta.main) {
  process.exitCode = main() ? 0 : 1;
}
