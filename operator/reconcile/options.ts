/**
 * Options of the operator, from its environment, checked at the start: all that is wrong is said
 * at once, with the value and what to do. The chart sets them.
 */

export interface OperatorOptions {
  /** Namespaces whose clusters are looked after; none named: all. */
  readonly watchNamespaces: readonly string[];
  /** Where the Lease is. */
  readonly leaseNamespace: string | undefined;
  readonly leaseName: string;
  readonly leaseDurationMs: number;
  readonly leaseRenewMs: number;
  readonly leaseRetryMs: number;
  /** Names this life of this process. */
  readonly identity: string | undefined;
  /** Address and port of /metrics, /livez and /readyz. */
  readonly listenHost: string;
  readonly listenPort: number;
  /** Image tag of clusters that name no version. */
  readonly defaultVersion: string | undefined;
  /** A watch that is silent for so long is dead. */
  readonly watchIdleMs: number;
  /** Clusters worked on at a time. */
  readonly workers: number;
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
  readonly kubeconfig: string | undefined;
  /** Where the files of the service account are, if not where pods have them. */
  readonly accountFolder: string | undefined;
}

interface NumberOption {
  readonly name: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

const prefix = 'DYNAKV_OPERATOR_';
const levels = ['error', 'warn', 'info', 'debug'] as const;
const namespacePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const numbers = {
  leaseDurationMs: number('LEASE_DURATION_MS', 15_000, 500, 600_000, 'ms'),
  leaseRenewMs: number('LEASE_RENEW_MS', 10_000, 300, 600_000, 'ms'),
  leaseRetryMs: number('LEASE_RETRY_MS', 2_000, 50, 60_000, 'ms'),
  listenPort: number('LISTEN_PORT', 8_080, 0, 65_535, ''),
  watchIdleMs: number('WATCH_IDLE_MS', 90_000, 200, 3_600_000, 'ms'),
  workers: number('WORKERS', 4, 1, 64, ''),
};

function number(
  name: string,
  fallback: number,
  min: number,
  max: number,
  unit: string,
): NumberOption {
  return { name, default: fallback, min, max, unit };
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The options, or a sentence for each thing that is wrong. */
export function parseOperatorOptions(
  env: Environment,
): { readonly options: OperatorOptions } | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const text = (name: string): string | undefined => {
    const value = env[prefix + name];
    return value === '' ? undefined : value;
  };
  const numberOf = (option: NumberOption): number => {
    const given = text(option.name);
    const value = given === undefined ? option.default : Number(given);
    if (!Number.isInteger(value) || value < option.min || value > option.max) {
      const range = `${option.min} … ${option.max} ${option.unit}`.trim();
      problems.push(`${prefix}${option.name} must be a whole number of ${range}: "${given ?? ''}"`);
    }
    return value;
  };
  const watchNamespaces = (text('WATCH_NAMESPACES') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  for (const name of watchNamespaces.filter((each) => !namespacePattern.test(each))) {
    problems.push(`${prefix}WATCH_NAMESPACES must list names of namespaces: "${name}"`);
  }
  const logLevel = levels.find((level) => level === (text('LOG_LEVEL') ?? 'info'));
  if (logLevel === undefined) {
    const given = text('LOG_LEVEL') ?? '';
    problems.push(`${prefix}LOG_LEVEL must be ${levels.join(', ')}: "${given}"`);
  }
  const options: OperatorOptions = {
    watchNamespaces,
    leaseNamespace: text('LEASE_NAMESPACE'),
    leaseName: text('LEASE_NAME') ?? 'dynakv-operator',
    leaseDurationMs: numberOf(numbers.leaseDurationMs),
    leaseRenewMs: numberOf(numbers.leaseRenewMs),
    leaseRetryMs: numberOf(numbers.leaseRetryMs),
    identity: text('IDENTITY'),
    listenHost: text('LISTEN_HOST') ?? '::',
    listenPort: numberOf(numbers.listenPort),
    defaultVersion: text('DEFAULT_VERSION'),
    watchIdleMs: numberOf(numbers.watchIdleMs),
    workers: numberOf(numbers.workers),
    logLevel: logLevel ?? 'info',
    accountFolder: text('ACCOUNT_FOLDER'),
    kubeconfig: env['KUBECONFIG'] === '' ? undefined : env['KUBECONFIG'],
  };
  if (options.leaseRenewMs >= options.leaseDurationMs) {
    problems.push(
      `${prefix}LEASE_RENEW_MS must be below ${prefix}LEASE_DURATION_MS, or two could hold the ` +
        `Lease: ${options.leaseRenewMs} and ${options.leaseDurationMs}`,
    );
  }
  return problems.length === 0 ? { options } : { problems };
}
