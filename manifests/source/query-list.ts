/** Every query that must find something: those of the panels, and the inputs of the alerts. */
import type { Alert } from './alert.ts';
import { alerts } from './alert-table.ts';
import { dashboards } from './dashboard-set.ts';

export interface ListedQuery {
  /** Dashboard and panel, or the alert. */
  readonly place: string;
  /** With Grafana's variables. */
  readonly expr: string;
}

/** Series with their matchers in an expression: what must exist for it to say anything. */
export function selectorsOf(expr: string): readonly string[] {
  const found = expr.match(/\b(?:dynakv_[a-z_]+|up)\b(?:\{[^}]*\})?/g) ?? [];
  return [...new Set(found)];
}

function inputsOf({ name, expr }: Alert): readonly ListedQuery[] {
  return selectorsOf(expr).map((selector) => ({ place: `alert ${name}`, expr: selector }));
}

export function panelQueries(): readonly ListedQuery[] {
  return Object.values(dashboards).flatMap(({ title, rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap((panel) =>
        panel.queries.map(({ expr }) => ({ place: `${title} / ${panel.title}`, expr })),
      ),
    ),
  );
}

export function alertInputs(): readonly ListedQuery[] {
  return alerts.flatMap(inputsOf);
}
