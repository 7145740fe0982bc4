/**
 * The alerts as rule groups, as the PrometheusRule object that carries them, and their scenarios as
 * a file for `promtool test rules`.
 */
import type { Alert, AlertScenario } from './alert.ts';
import { alerts } from './alert-table.ts';

const groupName = 'dynakv';

/** Where a person finds the page of an alert; the chart may write an address instead. */
function runbookOf(name: string): string {
  return `node/docs/runbooks/${name}.md`;
}

function annotationsOf(alert: Alert, description: string): Readonly<Record<string, string>> {
  return { summary: alert.summary, description, runbook: runbookOf(alert.name) };
}

export function ruleGroups(): object {
  const rules = alerts.map((alert) => ({
    alert: alert.name,
    expr: alert.expr,
    for: alert.for,
    labels: { severity: alert.severity },
    annotations: annotationsOf(alert, alert.description),
  }));
  return { groups: [{ name: groupName, rules }] };
}

/** For the Prometheus operator. */
export function prometheusRule(): object {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'dynakv', labels: { 'app.kubernetes.io/name': 'dynakv' } },
    spec: ruleGroups(),
  };
}

/** A sentence of an alert, with the labels that it fires with put in. */
function withLabels(sentence: string, labels: Readonly<Record<string, string>>): string {
  return sentence.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? '');
}

/** The input of `promtool test rules`, for the rule file of that name. */
export function ruleTests(ruleFile: string, scenarios: readonly AlertScenario[]): object {
  const tests = scenarios.map((scenario) => {
    const alert = alerts.find(({ name }) => name === scenario.alert) as Alert;
    return {
      name: `${scenario.alert} ${scenario.fires.length === 0 ? 'is silent' : 'fires'}: ${scenario.story}`,
      interval: '1m',
      input_series: Object.entries(scenario.series).map(([series, values]) => ({ series, values })),
      alert_rule_test: [
        {
          eval_time: scenario.at,
          alertname: scenario.alert,
          exp_alerts: scenario.fires.map(({ labels, description }) => ({
            exp_labels: { ...labels, severity: alert.severity },
            exp_annotations: {
              ...annotationsOf(alert, description),
              summary: withLabels(alert.summary, labels),
            },
          })),
        },
      ],
    };
  });
  return { rule_files: [ruleFile], evaluation_interval: '1m', tests };
}
