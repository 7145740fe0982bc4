/**
 * Writes what is generated for monitoring and charts: `generate.ts` writes, `generate.ts --check` only says
 * which files differ. `generated()` is the list; everything in it is a function of the sources.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { prometheusRule, ruleGroups } from './alert-rules.ts';
import { chartFiles } from './chart-files.ts';
import { dashboards } from './dashboard-set.ts';
import { dashboardJson } from './dashboard.ts';
import { podMonitor } from './pod-monitor.ts';
import { yamlText } from './yaml-text.ts';

const root = join(import.meta.dirname, '..', '..');
const notice = '# Generated from manifests/source by `make monitoring`.\n';

function yaml(object: object): string {
  return notice + yamlText(object);
}

/** Path from the repository's root → text. */
export function generated(): ReadonlyMap<string, string> {
  const boards = new Map(
    Object.entries(dashboards).map(
      ([name, board]) => [name, `${JSON.stringify(dashboardJson(board), null, 2)}\n`] as const,
    ),
  );
  return new Map([
    ...[...boards].map(([name, text]) => [`manifests/dashboards/${name}.json`, text] as const),
    ['manifests/monitoring/prometheus-rule.yaml', yaml(prometheusRule())],
    ['manifests/monitoring/pod-monitor.yaml', yaml(podMonitor())],
    ...chartFiles(yaml(ruleGroups()), boards),
  ]);
}

/** Paths whose file is missing or not as generated. */
export function outdated(): readonly string[] {
  return [...generated()]
    .filter(([path, text]) => {
      const file = join(root, path);
      return !existsSync(file) || readFileSync(file, 'utf8') !== text;
    })
    .map(([path]) => path);
}

function write(): void {
  for (const [path, text] of generated()) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const paths = outdated();
    for (const path of paths) {
      process.stderr.write(`${path} is not what manifests/source gives: make monitoring\n`);
    }
    process.exitCode = paths.length === 0 ? 0 : 1;
  } else {
    write();
  }
}
