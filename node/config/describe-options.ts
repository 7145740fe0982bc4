/** The options in words: the help text, the document, and the effective set for the log. */
import { formatAddress } from './address.ts';
import type { NodeOptions, OptionKey, OptionSpec } from './options.ts';
import { environmentName, optionTable } from './options.ts';
import type { OptionValue } from './parse-options.ts';
import { formatNumber } from './parse-options.ts';

function formatValue(spec: OptionSpec, value: OptionValue): string {
  switch (typeof value) {
    case 'object':
      return 'port' in value
        ? formatAddress(value)
        : [...value].map(([id, address]) => `${id}=${formatAddress(address)}`).join(',');
    case 'number':
      return formatNumber(spec, value);
    default:
      return String(value);
  }
}

function defaultOf(spec: OptionSpec): string {
  return spec.default === undefined ? '' : formatValue(spec, spec.default);
}

function rangeOf(spec: OptionSpec): string {
  switch (spec.type) {
    case 'integer':
    case 'bytes':
      return `${formatNumber(spec, spec.min)}–${formatNumber(spec, spec.max)} ${spec.unit}`;
    case 'choice':
      return spec.choices.join(', ');
    default:
      return spec.type;
  }
}

/** The options as `dynakv node --help` shows them. */
export function describeOptionsForHelp(): string {
  const specs = Object.values<OptionSpec>(optionTable);
  const heads = specs.map((spec) => (spec.type === 'flag' ? spec.name : `${spec.name} <value>`));
  const width = Math.max(...heads.map((head) => head.length));
  const lines = specs.map((spec, place) => {
    const head = `  --${(heads[place] ?? '').padEnd(width)}`;
    const value = spec.type === 'flag' ? '' : defaultOf(spec);
    return `${head}  ${spec.help}${value === '' ? '' : ` (${value})`}`;
  });
  return ['Usage: dynakv node [options]', '', 'Options:', ...lines, ''].join('\n');
}

/** The options as a document (`node/docs/options.md`). */
export function describeOptionsForDocument(): string {
  const lines = [
    '# Options of a node',
    '',
    'Generated from `node/config/options.ts`. A flag wins over the environment variable, which',
    'wins over the default. Sizes take the suffixes K, M and G, of 1,024. All problems are',
    'reported at once, and the process ends with code 1 before it has touched anything.',
    '',
    '| flag | environment | values | default | meaning |',
    '|---|---|---|---|---|',
  ];
  for (const spec of Object.values<OptionSpec>(optionTable)) {
    const value = defaultOf(spec) === '' ? '' : `\`${defaultOf(spec)}\``;
    lines.push(
      `| \`--${spec.name}\` | \`${environmentName(spec)}\` | ${rangeOf(spec)} | ${value} | ${spec.help} |`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The set in force, flag → text, for the log at boot. No option is a secret. */
export function describeEffectiveOptions(options: NodeOptions): Readonly<Record<string, string>> {
  const effective: Record<string, string> = {};
  for (const [key, spec] of Object.entries<OptionSpec>(optionTable) as [OptionKey, OptionSpec][]) {
    const value = options[key];
    if (value !== undefined) {
      effective[spec.name] = formatValue(spec, value);
    }
  }
  return effective;
}
