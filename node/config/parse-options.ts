/**
 * Flags and environment → the options of a node. Flags win over the environment, which wins over
 * defaults. Every problem is found before anything is done, and all are reported at once.
 * An empty environment variable counts as absent.
 */
import type { Address } from './address.ts';
import { formatAddress, isLoopback, parseAddress } from './address.ts';
import type { NodeOptions, OptionKey, OptionSpec } from './options.ts';
import { environmentName, optionTable, sizeUnits } from './options.ts';

export type OptionValue = string | number | boolean | Address | ReadonlyMap<number, Address>;
export type OptionValues = Readonly<Partial<Record<OptionKey, OptionValue>>>;

export type ParsedOptions =
  | { readonly ok: true; readonly options: NodeOptions }
  | { readonly ok: false; readonly problems: readonly string[] };

const entries = Object.entries<OptionSpec>(optionTable) as [OptionKey, OptionSpec][];

interface GivenText {
  readonly text: string;
  /** `--name` or the variable, for messages. */
  readonly source: string;
}

/** Reads the options of `dynakv node`. */
export function parseNodeOptions(
  flags: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ParsedOptions {
  const problems: string[] = [];
  const given = new Map<OptionKey, GivenText>();
  for (const [key, spec] of entries) {
    const source = environmentName(spec);
    const text = environment[source];
    if (text !== undefined && text !== '') {
      given.set(key, { text, source });
    }
  }
  collectFlags(flags, given, problems);
  const values: Partial<Record<OptionKey, OptionValue>> = {};
  for (const [key, spec] of entries) {
    const source = given.get(key);
    const value = source === undefined ? spec.default : parseValue(spec, source, problems);
    if (value !== undefined) {
      values[key] = value;
    }
  }
  if (problems.length > 0) {
    return { ok: false, problems };
  }
  const options = values as unknown as NodeOptions;
  problems.push(...findConflicts(options));
  return problems.length > 0 ? { ok: false, problems } : { ok: true, options };
}

function collectFlags(
  flags: readonly string[],
  given: Map<OptionKey, GivenText>,
  problems: string[],
): void {
  const seen = new Set<OptionKey>();
  for (let position = 0; position < flags.length; position += 1) {
    const [, name, inline] = /^--([a-z][a-z-]*)(?:=(.*))?$/s.exec(flags[position] ?? '') ?? [];
    const entry = entries.find(([, spec]) => spec.name === name);
    if (entry === undefined) {
      problems.push(`Cannot understand an argument: "${flags[position] ?? ''}"`);
      continue;
    }
    const [key, spec] = entry;
    let text = inline;
    if (text === undefined && spec.type === 'flag') {
      text = 'true';
    } else if (text === undefined) {
      const next = flags[position + 1];
      if (next === undefined || next.startsWith('--')) {
        problems.push(`Cannot use --${spec.name}: its value is missing`);
        continue;
      }
      text = next;
      position += 1;
    }
    if (seen.has(key)) {
      problems.push(`Cannot use --${spec.name}: it is given twice`);
    }
    seen.add(key);
    given.set(key, { text, source: `--${spec.name}` });
  }
}

function parseValue(
  spec: OptionSpec,
  given: GivenText,
  problems: string[],
): OptionValue | undefined {
  const refuse = (expected: string): undefined => {
    problems.push(`Cannot use ${given.source}: expected ${expected}, not "${given.text}"`);
    return undefined;
  };
  switch (spec.type) {
    case 'text':
      return given.text;
    case 'path':
      return given.text === '' ? refuse('a path') : given.text;
    case 'address':
      return parseAddress(given.text) ?? refuse('host:port');
    case 'peers':
      return parsePeers(given.text) ?? refuse('1=host:port,2=host:port');
    case 'flag': {
      const value = { true: true, '1': true, false: false, '0': false }[given.text];
      return value ?? refuse('true or false');
    }
    case 'choice':
      return spec.choices.includes(given.text)
        ? given.text
        : refuse(`one of ${spec.choices.join(', ')}`);
    case 'integer':
    case 'bytes': {
      const value = spec.type === 'bytes' ? parseBytes(given.text) : parseInteger(given.text);
      return value !== undefined && value >= spec.min && value <= spec.max
        ? value
        : refuse(`${formatNumber(spec, spec.min)} to ${formatNumber(spec, spec.max)} ${spec.unit}`);
    }
  }
}

function parsePeers(text: string): ReadonlyMap<number, Address> | undefined {
  const peers = new Map<number, Address>();
  for (const part of text.split(',')) {
    const [, id, rest] = /^([1-9]\d{0,8})=(.+)$/.exec(part) ?? [];
    const address = parseAddress(rest ?? '');
    if (address === undefined || peers.has(Number(id))) {
      return undefined;
    }
    peers.set(Number(id), address);
  }
  return peers;
}

function parseInteger(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function parseBytes(text: string): number | undefined {
  const [, digits, suffix] = /^(\d{1,12})([KMG]?)(?:iB|i)?$/.exec(text) ?? [];
  const unit = sizeUnits.find((each) => each.suffix === suffix)?.bytes ?? 1;
  return digits === undefined ? undefined : Number(digits) * unit;
}

/** `33554432` of a size → `32M`. */
export function formatNumber(spec: OptionSpec, value: number): string {
  const unit =
    spec.type === 'bytes' ? sizeUnits.find((each) => value % each.bytes === 0) : undefined;
  return unit === undefined ? String(value) : `${value / unit.bytes}${unit.suffix}`;
}

/** Relations between options, each with its reason. */
function findConflicts(options: NodeOptions): readonly string[] {
  const problems: string[] = [];
  const { heartbeatTicks, electionTicks } = options;
  if (heartbeatTicks * 3 > electionTicks) {
    problems.push(
      'Cannot use --heartbeat-ticks: three must fit into --election-ticks, or one lost heartbeat ' +
        `would start an election: ${heartbeatTicks} × 3 > ${electionTicks}`,
    );
  }
  const electionMs = options.tickMs * electionTicks * 2;
  if (electionMs > 120_000) {
    problems.push(
      'Cannot use --election-ticks: an election would take more than two minutes: ' +
        `${options.tickMs} ms × ${electionTicks} × 2`,
    );
  }
  problems.push(...findTlsConflicts(options), ...findPortConflicts(options));
  return problems;
}

function findTlsConflicts(options: NodeOptions): readonly string[] {
  const problems: string[] = [];
  const groups = [
    { names: ['--peer-tls-cert', '--peer-tls-key', '--peer-tls-ca'] as const, door: 'peer' },
    { names: ['--client-tls-cert', '--client-tls-key'] as const, door: 'client' },
  ];
  const given = [
    [options.peerTlsCert, options.peerTlsKey, options.peerTlsCa],
    [options.clientTlsCert, options.clientTlsKey],
  ];
  for (const [index, { names }] of groups.entries()) {
    const missing = names.filter((_name, place) => given[index]?.[place] === undefined);
    if (missing.length > 0 && missing.length < names.length) {
      problems.push(`Cannot use TLS with a part of its files: ${missing.join(', ')} missing`);
    }
  }
  const doors = [
    {
      flag: '--client-listen',
      at: options.clientListen,
      safe: options.clientTlsCert !== undefined,
    },
    { flag: '--peer-listen', at: options.peerListen, safe: options.peerTlsCert !== undefined },
    { flag: '--ops-listen', at: options.opsListen, safe: options.opsPlain },
  ];
  for (const { flag, at, safe } of doors) {
    if (!isLoopback(at) && !safe && !options.insecure) {
      const remedy = flag === '--ops-listen' ? '--ops-plain' : 'TLS files';
      problems.push(
        `Cannot listen beyond loopback without TLS: ${flag} is ${formatAddress(at)}; ` +
          `give ${remedy}, or say --insecure`,
      );
    }
  }
  return problems;
}

function findPortConflicts(options: NodeOptions): readonly string[] {
  const used = new Map<string, string>();
  const problems: string[] = [];
  for (const [flag, at] of [
    ['--client-listen', options.clientListen],
    ['--peer-listen', options.peerListen],
    ['--ops-listen', options.opsListen],
  ] as const) {
    const other = used.get(formatAddress(at));
    if (other !== undefined && at.port !== 0) {
      problems.push(`Cannot use one address twice: ${other} and ${flag} are ${formatAddress(at)}`);
    }
    used.set(formatAddress(at), flag);
  }
  return problems;
}
