// What is generated for the monitoring against the rules that people rely on: files are up to date,
// each alert fires in one story and is silent in another, and has a page. promtool replays the
// stories themselves (`make alerts`).
import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { alertScenarios } from './alert-scenarios.ts';
import { alerts } from './alert-table.ts';
import { outdated } from './generate.ts';

const runbooks = join(import.meta.dirname, '..', '..', 'node', 'docs', 'runbooks');

describe('generated files', () => {
  test('are what the sources give (make monitoring)', () => {
    expect(outdated()).toEqual([]);
  });
});

describe('alerts', () => {
  test.each(alerts)('$name fires in one story and is silent in another', ({ name }) => {
    const own = alertScenarios.filter((scenario) => scenario.alert === name);
    expect(own.some(({ fires }) => fires.length > 0)).toBe(true);
    expect(own.some(({ fires }) => fires.length === 0)).toBe(true);
  });

  test.each(alerts)('$name has a page that says what it means and what to do', ({ name }) => {
    const file = join(runbooks, `${name}.md`);
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    expect(text.startsWith(`# ${name}\n`)).toBe(true);
    const parts = [...text.matchAll(/^## (.*)$/gm)].map((match) => match[1]);
    expect(parts).toEqual(['What it means', 'Look', 'Do', 'Over when']);
    expect(readFileSync(join(runbooks, 'README.md'), 'utf8')).toContain(`(${name}.md)`);
  });

  test('no page speaks of an alert that does not exist', () => {
    const pages = readdirSync(runbooks).filter((file) => file.startsWith('DynaKV'));
    expect(pages.sort()).toEqual(alerts.map(({ name }) => `${name}.md`).sort());
  });

  test('each says where it is, and with which number', () => {
    for (const alert of alerts) {
      expect(alert.summary).toMatch(/\{\{ \$labels\.namespace \}\}\/\{\{ \$labels\./);
      expect(alert.description).toContain('{{ $value');
    }
  });
});
