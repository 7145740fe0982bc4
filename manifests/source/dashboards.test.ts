// The dashboards against Grafana's conventions and against the list of series. `make observability`
// runs their queries; here is what no query tells: places, units, variables, rates.
import { describe, expect, test } from '@jest/globals';
import { series } from '../../node/metrics/names.ts';
import type { SeriesSpec } from '../../node/metrics/names.ts';
import { alerts } from './alert-table.ts';
import { dashboards } from './dashboard-set.ts';
import { dashboardJson } from './dashboard.ts';
import { panelQueries, selectorsOf } from './query-list.ts';

const specs = Object.values<SeriesSpec>(series);
const counters = specs.filter(({ type }) => type === 'counter').map(({ name }) => name);
const boards = Object.entries(dashboards);
const panels = boards.flatMap(([, { rows }]) => rows.flatMap((row) => row.panels));

interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly datasource: { readonly uid: string } }[];
}

interface BoardJson {
  readonly uid: string;
  readonly panels: readonly PanelJson[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
}

function overlap({ gridPos: a }: PanelJson, { gridPos: b }: PanelJson): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

describe('dashboards', () => {
  test('uids and titles are their own', () => {
    const uids = boards.map(([, { uid }]) => uid);
    expect(new Set(uids).size).toBe(uids.length);
    expect(uids.every((uid) => uid.length <= 40)).toBe(true);
  });

  test.each(boards)('%s: places, ids, data source and variables', (_, board) => {
    const json = dashboardJson(board) as BoardJson;
    expect(json.templating.list.map(({ name }) => name)).toEqual([
      ...['datasource', 'namespace', 'cluster', 'node'],
    ]);
    expect(new Set(json.panels.map(({ id }) => id)).size).toBe(json.panels.length);
    for (const [index, panel] of json.panels.entries()) {
      expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(24);
      const others = json.panels.slice(index + 1);
      expect(others.filter((other) => overlap(panel, other))).toEqual([]);
      const sources = [panel.datasource, ...(panel.targets ?? []).map((each) => each.datasource)];
      expect(
        sources.every((source) => source === undefined || source.uid === '${datasource}'),
      ).toBe(true);
      expect(panel.type === 'row' || panel.datasource !== undefined).toBe(true);
    }
  });

  test('each panel says what it shows, and each line has a name', () => {
    for (const { title, description, queries } of panels) {
      expect([title, description.length > 10 && queries.length > 0]).toEqual([title, true]);
      expect(queries.every(({ legend }) => legend !== '')).toBe(true);
    }
  });

  test('labels in the name of a line are there after the aggregation', () => {
    for (const { title, queries } of panels) {
      for (const { expr, legend } of queries) {
        const wanted = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '');
        const kept = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) =>
          (list ?? '').split(', '),
        );
        const isWhole = /^(max|sum|count)\(/.test(expr);
        const missing = wanted.filter(
          (label) => !(kept.includes(label) || (kept.length === 0 && !isWhole)),
        );
        expect([title, missing]).toEqual([title, []]);
      }
    }
  });
});

describe('queries', () => {
  test('are of one cluster and one namespace', () => {
    for (const { place, expr } of panelQueries()) {
      for (const selector of expr.match(/\b(dynakv|process|nodejs)_[a-z0-9_]+\{[^}]*\}?/g) ?? [
        '',
      ]) {
        expect([place, selector]).toEqual([
          place,
          expect.stringContaining('{namespace="$namespace", dynamocluster="$cluster"'),
        ]);
      }
    }
  });

  test('a counter is shown as a rate over Grafana’s interval, and nothing else is', () => {
    for (const { place, expr } of panelQueries()) {
      const rated = [...expr.matchAll(/rate\((\w+)\{[^}]*\}(\[[^\]]*\])\)/g)];
      for (const [, name = '', range] of rated) {
        expect([place, range]).toEqual([place, '[$__rate_interval]']);
        expect([place, name]).toEqual([place, expect.stringMatching(/_(total|bucket|count)$/)]);
      }
      const names = rated.map(([, name]) => name);
      const bare = counters.filter((name) => expr.includes(name) && !names.includes(name));
      expect([place, bare]).toEqual([place, []]);
    }
  });

  test('bytes and seconds are shown as such', () => {
    for (const { title, unit, queries } of panels) {
      const [expr = ''] = queries.map((query) => query.expr);
      const isRate = /\brate\(/.test(expr) && !expr.startsWith('histogram_quantile');
      if (/_bytes(_total)?\{/.test(expr) && !expr.includes(' / ')) {
        const isPerSecond = isRate || /(_per_second|_rate)_bytes/.test(expr);
        expect([title, unit]).toEqual([title, isPerSecond ? 'Bps' : 'bytes']);
      }
      if (/_seconds(_bucket)?\{/.test(expr) && !isRate) {
        expect([title, unit]).toEqual([title, 's']);
      }
    }
  });

  test('every series of a node is on a dashboard or in an alert', () => {
    const text = [...panelQueries(), ...alerts].map(({ expr }) => expr).join('\n');
    const unseen = specs.filter(({ name }) => !text.includes(name)).map(({ name }) => name);
    expect(unseen).toEqual([]);
  });
});

describe('selectorsOf', () => {
  test('finds series with their matchers, each once', () => {
    expect(
      selectorsOf(
        'max by (a) (dynakv_nodes{state="dead"}) > 0 or count(up{x!=""} == 0) and dynakv_nodes',
      ),
    ).toEqual(['dynakv_nodes{state="dead"}', 'up{x!=""}', 'dynakv_nodes']);
  });
});
