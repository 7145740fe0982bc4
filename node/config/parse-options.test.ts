/** Options: where a value comes from, what is refused, and that all refusals come at once. */
import { describe, expect, test } from '@jest/globals';
import { expectGolden } from '../test/golden.ts';
import {
  describeEffectiveOptions,
  describeOptionsForDocument,
  describeOptionsForHelp,
} from './describe-options.ts';
import type { NodeOptions, OptionSpec } from './options.ts';
import { optionTable } from './options.ts';
import { parseNodeOptions } from './parse-options.ts';

function accept(flags: readonly string[], environment = {}): NodeOptions {
  const parsed = parseNodeOptions(flags, environment);
  expect(parsed).toMatchObject({ ok: true });
  return (parsed as { options: NodeOptions }).options;
}

function refuse(flags: readonly string[], environment = {}): readonly string[] {
  const parsed = parseNodeOptions(flags, environment);
  expect(parsed).toMatchObject({ ok: false });
  return (parsed as { problems: readonly string[] }).problems;
}

const tls = ['--peer-tls-cert', 'c', '--peer-tls-key', 'k', '--peer-tls-ca', 'a'];

describe('optionTable', () => {
  test('names are kebab case, unique, and numbers lie within their bounds', () => {
    const specs = Object.values<OptionSpec>(optionTable);
    expect(new Set(specs.map((spec) => spec.name)).size).toBe(specs.length);
    for (const spec of specs) {
      expect(spec.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      if (spec.type === 'integer' || spec.type === 'bytes') {
        expect(spec.default).toBeGreaterThanOrEqual(spec.min);
        expect(spec.default).toBeLessThanOrEqual(spec.max);
      }
    }
  });
});

describe('parseNodeOptions()', () => {
  test('defaults stand when nothing is said', () => {
    const options = accept([]);
    expect(options.clientListen).toEqual({ host: '127.0.0.1', port: 8000 });
    expect(options.peerAdvertise).toBeUndefined();
    expect(options.insecure).toBe(false);
  });

  test('a flag wins over the environment, which wins over the default', () => {
    const environment = { DYNAKV_TICK_MS: '50', DYNAKV_ZONE: 'b', DYNAKV_DATA: '' };
    const options = accept(['--tick-ms=20'], environment);
    expect(options).toMatchObject({ tickMs: 20, zone: 'b', data: '.data/node' });
  });

  test('sizes take suffixes', () => {
    expect(accept(['--item-cache-bytes', '64M']).itemCacheBytes).toBe(64 * 1024 * 1024);
    expect(accept(['--item-cache-bytes', '2Gi']).itemCacheBytes).toBe(2 * 1024 ** 3);
    expect(accept(['--item-cache-bytes', '2000000']).itemCacheBytes).toBe(2_000_000);
  });

  test('all problems are reported at once', () => {
    const problems = refuse(['--tick-ms', 'x', '--nonsense', '--log-level=loud', '--data'], {
      DYNAKV_PEER_LISTEN: 'nowhere',
    });
    expect(problems).toEqual([
      'Cannot understand an argument: "--nonsense"',
      'Cannot use --data: its value is missing',
      'Cannot use DYNAKV_PEER_LISTEN: expected host:port, not "nowhere"',
      'Cannot use --log-level: expected one of error, warn, info, debug, not "loud"',
      'Cannot use --tick-ms: expected 10 to 10000 ms, not "x"',
    ]);
  });

  test('three heartbeats must fit into an election', () => {
    expect(refuse(['--heartbeat-ticks=4'])).toEqual([expect.stringContaining('4 × 3 > 10')]);
    accept(['--heartbeat-ticks=4', '--election-ticks=12']);
  });

  test('an address beyond loopback needs TLS or --insecure', () => {
    expect(refuse(['--client-listen=0.0.0.0:8000'])[0]).toContain('--client-listen is 0.0.0.0');
    expect(refuse(['--peer-listen=[::]:7000'])[0]).toContain('--peer-listen is [::]:7000');
    expect(refuse(['--ops-listen=0.0.0.0:9100'])[0]).toContain('--ops-plain');
    accept(['--client-listen=0.0.0.0:8000', '--insecure']);
    accept(['--peer-listen=0.0.0.0:7000', ...tls]);
    accept(['--ops-listen=0.0.0.0:9100', '--ops-plain']);
  });

  test('TLS takes all of its files', () => {
    expect(refuse(tls.slice(0, 4))).toEqual([expect.stringContaining('--peer-tls-ca missing')]);
  });

  test('addresses of peers are a list of node ids', () => {
    const options = accept(['--peer-overrides=1=127.0.0.1:7000,2=[::1]:7001']);
    expect([...(options.peerOverrides ?? [])]).toEqual([
      [1, { host: '127.0.0.1', port: 7000 }],
      [2, { host: '::1', port: 7001 }],
    ]);
    expect(describeEffectiveOptions(options)['peer-overrides']).toBe(
      '1=127.0.0.1:7000,2=[::1]:7001',
    );
    for (const text of ['', '1', '1=x', '0=a:1', '1=a:1,1=b:2']) {
      expect(refuse([`--peer-overrides=${text}`])).toHaveLength(1);
    }
  });

  test('one address cannot serve twice, nor an option be given twice', () => {
    expect(refuse(['--ops-listen=127.0.0.1:8000'])[0]).toContain('Cannot use one address twice');
    expect(refuse(['--zone=a', '--zone=b'])).toEqual(['Cannot use --zone: it is given twice']);
  });
});

describe('descriptions', () => {
  test('the document is what node/docs/options.md says', () => {
    expectGolden('node/docs/options.md', describeOptionsForDocument());
  });

  test('help and the effective set name every option', () => {
    const help = describeOptionsForHelp();
    for (const spec of Object.values<OptionSpec>(optionTable)) {
      expect(help).toContain(`--${spec.name}`);
    }
    expect(describeEffectiveOptions(accept(['--item-cache-bytes=64M']))).toMatchObject({
      'client-listen': '127.0.0.1:8000',
      'item-cache-bytes': '64M',
      insecure: 'false',
    });
  });
});
