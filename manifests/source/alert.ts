/** What an alert is, and what proves it: the types of `alert-table.ts` and its neighbours. */

/** `critical` wakes a person: data is out of reach, or about to be. `warning` waits for morning. */
export type Severity = 'critical' | 'warning';

export interface Alert {
  /** CamelCase, with the prefix of the component; `node/docs/runbooks/<name>.md` exists. */
  readonly name: `DynaKV${string}`;
  readonly severity: Severity;
  readonly expr: string;
  /** How long the expression must hold. */
  readonly for: string;
  /** One line: what is so. */
  readonly summary: string;
  /** What it means for the data, with the numbers. */
  readonly description: string;
}

/** Series of a promtool test: `name{labels}` and values in promtool's notation, one a minute. */
export type InputSeries = Readonly<Record<string, string>>;

/** One story of an alert, told in minutes. */
export interface AlertScenario {
  readonly alert: Alert['name'];
  readonly story: string;
  readonly series: InputSeries;
  /** When somebody looks, such as `6m`. */
  readonly at: string;
  /** Alerts that fire then, none if it keeps silent. */
  readonly fires: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly description: string;
  }[];
}
