/**
 * Dashboards as data, and the JSON of Grafana that they become. Panels say what they show and in
 * which unit; places, ids, variables and the data source are added here, so that all keep
 * the same habits. Written for schema 39 (Grafana 10.4 and newer).
 */

/** Grafana's names of units. */
export type Unit =
  'short' | 'ops' | 's' | 'bytes' | 'Bps' | 'percentunit' | 'bool_yes_no' | 'reqps';

export interface Query {
  readonly expr: string;
  /** What a line is called: `{{pod}}`. */
  readonly legend: string;
}

export interface Threshold {
  readonly from: number;
  readonly color: 'green' | 'yellow' | 'orange' | 'red' | 'blue';
}

export interface Panel {
  readonly title: string;
  /** Shown behind the "i": what it means and when to worry. */
  readonly description: string;
  readonly kind: 'timeseries' | 'stat';
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Of 24 columns. Default: 8, a stat 4. */
  readonly width?: 4 | 6 | 8 | 12;
  readonly stacked?: boolean;
  readonly max?: number;
  /** Colours of a stat, and lines of a graph. */
  readonly thresholds?: readonly Threshold[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  /** Never changed: links point to it. */
  readonly uid: `dynakv-${string}`;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
}

const gridColumns = 24;
const heights = { timeseries: 8, stat: 4 } as const;
const widths = { timeseries: 8, stat: 4 } as const;
const dataSource = { type: 'prometheus', uid: '${datasource}' } as const;

/** Choices at the top of each dashboard: Grafana's query → the label's values. */
const variables = [
  { name: 'namespace', label: 'Namespace', query: 'label_values(dynakv_build_info, namespace)' },
  {
    name: 'cluster',
    label: 'Cluster',
    query: 'label_values(dynakv_build_info{namespace="$namespace"}, dynamocluster)',
  },
  {
    name: 'node',
    label: 'Node',
    query: 'label_values(dynakv_build_info{namespace="$namespace", dynamocluster="$cluster"}, pod)',
    multi: true,
  },
] as const;

function templating(): object {
  const source = {
    ...{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    ...{ hide: 0, includeAll: false, multi: false, options: [], refresh: 1, regex: '' },
  };
  const queries = variables.map((variable) => {
    const multi = 'multi' in variable;
    return {
      ...{ name: variable.name, label: variable.label, type: 'query', datasource: dataSource },
      definition: variable.query,
      query: { qryType: 1, query: variable.query, refId: 'PrometheusVariableQueryEditor' },
      ...{ hide: 0, includeAll: multi, multi, options: [], refresh: 2, regex: '', sort: 7 },
      ...(multi ? { allValue: '.*', current: { text: ['All'], value: ['$__all'] } } : {}),
    };
  });
  return { list: [source, ...queries] };
}

function fieldConfig(panel: Panel): object {
  const steps = [
    { color: 'green', value: null },
    ...(panel.thresholds ?? []).map(({ from, color }) => ({ color, value: from })),
  ];
  const isGraph = panel.kind === 'timeseries';
  const custom = {
    ...{ drawStyle: 'line', fillOpacity: panel.stacked === true ? 25 : 5, lineWidth: 1 },
    ...{ showPoints: 'never', spanNulls: false },
    stacking: { group: 'A', mode: panel.stacked === true ? 'normal' : 'none' },
    thresholdsStyle: { mode: panel.thresholds === undefined ? 'off' : 'dashed' },
  };
  return {
    defaults: {
      color: { mode: isGraph ? 'palette-classic' : 'thresholds' },
      ...(isGraph ? { custom } : {}),
      mappings: [],
      min: 0,
      ...(panel.max === undefined ? {} : { max: panel.max }),
      thresholds: { mode: 'absolute', steps },
      unit: panel.unit,
    },
    overrides: [],
  };
}

function optionsOf({ kind }: Panel): object {
  if (kind === 'timeseries') {
    return {
      legend: { calcs: [], displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    };
  }
  return {
    ...{ colorMode: 'value', graphMode: 'area', justifyMode: 'auto', orientation: 'auto' },
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    textMode: 'auto',
  };
}

function panelJson(panel: Panel, id: number, gridPos: object): object {
  return {
    ...{ id, type: panel.kind, title: panel.title, description: panel.description },
    ...{ gridPos, datasource: dataSource },
    fieldConfig: fieldConfig(panel),
    options: optionsOf(panel),
    targets: panel.queries.map(({ expr, legend }, index) => ({
      ...{ refId: String.fromCharCode(65 + index), datasource: dataSource },
      ...{ editorMode: 'code', expr, legendFormat: legend, range: true },
    })),
  };
}

/** Rows one below the other, their panels from left to right. */
function layOut(rows: readonly Row[]): readonly object[] {
  const placed: object[] = [];
  let y = 0;
  for (const row of rows) {
    const gridPos = { h: 1, w: gridColumns, x: 0, y };
    const id = placed.length + 1;
    placed.push({ id, type: 'row', title: row.title, collapsed: false, gridPos, panels: [] });
    y += 1;
    let x = 0;
    let lineHeight = 0;
    for (const panel of row.panels) {
      const w = panel.width ?? widths[panel.kind];
      const h = heights[panel.kind];
      if (x + w > gridColumns) {
        x = 0;
        y += lineHeight;
        lineHeight = 0;
      }
      placed.push(panelJson(panel, placed.length + 1, { h, w, x, y }));
      x += w;
      lineHeight = Math.max(lineHeight, h);
    }
    y += lineHeight;
  }
  return placed;
}

/** What Grafana imports. */
export function dashboardJson({ uid, title, description, rows }: Dashboard): object {
  const link = {
    ...{ type: 'dashboards', title: 'DynaKV', tags: ['dynakv'], asDropdown: true },
    ...{ includeVars: true, keepTime: true, icon: 'external link', targetBlank: false },
  };
  return {
    ...{ uid, title: `DynaKV / ${title}`, description, tags: ['dynakv'] },
    annotations: { list: [] },
    ...{ editable: true, graphTooltip: 1, links: [link], panels: layOut(rows) },
    ...{ refresh: '30s', schemaVersion: 39, templating: templating() },
    ...{ time: { from: 'now-1h', to: 'now' }, timezone: '', version: 1 },
  };
}
