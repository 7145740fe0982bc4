/**
 * The page of a chart: its description, how to install it, and a table of its values made from
 * `values.yaml`, where a comment that begins with `# --` describes the key below it.
 */
import { parse } from 'yaml';

export interface DescribedValue {
  readonly path: string;
  readonly description: string;
  /** As JSON. */
  readonly fallback: string;
}

const indentWidth = 2;

/** Values that are described, in the order of the file. */
export function describedValues(text: string): readonly DescribedValue[] {
  const values = parse(text) as unknown;
  const found: DescribedValue[] = [];
  const trail: string[] = [];
  let comment: string[] = [];
  for (const line of text.split('\n')) {
    const remark = /^\s*# (-- )?(.*)$/.exec(line);
    const key = /^(\s*)([A-Za-z][A-Za-z0-9_]*):/.exec(line);
    if (remark !== null) {
      comment = remark[1] === undefined ? [...comment, remark[2] ?? ''] : [remark[2] ?? ''];
    } else if (key !== null) {
      trail.length = (key[1] ?? '').length / indentWidth;
      trail.push(key[2] ?? '');
      if (comment.length > 0) {
        const fallback = JSON.stringify(valueAt(values, trail));
        found.push({ path: trail.join('.'), description: comment.join(' '), fallback });
      }
      comment = [];
    }
  }
  return found;
}

function valueAt(values: unknown, trail: readonly string[]): unknown {
  let at = values;
  for (const key of trail) {
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  return at;
}

export interface ChartPage {
  readonly name: string;
  readonly description: string;
  /** Paragraphs and examples between the description and the table. */
  readonly body: string;
  readonly values: string;
}

export function chartReadme({ name, description, body, values }: ChartPage): string {
  const rows = describedValues(values).map((each) => {
    const text = each.description.replaceAll('|', '\\|');
    return `| \`${each.path}\` | \`${each.fallback}\` | ${text} |`;
  });
  return [
    `# ${name}`,
    '',
    `${description}. Generated from \`values.yaml\` by \`make charts\`.`,
    '',
    body.trim(),
    '',
    '## Values',
    '',
    '| value | default | meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
