// Goal: everything that is wrong with the environment is said at once, with value and remedy.
import { expect, test } from '@jest/globals';
import { parseOperatorOptions } from './options.ts';

test('defaults need nothing', () => {
  expect(parseOperatorOptions({})).toMatchObject({
    options: { watchNamespaces: [], leaseName: 'dynakv-operator', listenPort: 8080, workers: 4 },
  });
});

test('namespaces are a list', () => {
  const env = { DYNAKV_OPERATOR_WATCH_NAMESPACES: 'one, two,' };
  expect(parseOperatorOptions(env)).toMatchObject({ options: { watchNamespaces: ['one', 'two'] } });
});

test('all that is wrong is said at once', () => {
  const env = {
    DYNAKV_OPERATOR_WATCH_NAMESPACES: 'Good_',
    DYNAKV_OPERATOR_LISTEN_PORT: '99999',
    DYNAKV_OPERATOR_LOG_LEVEL: 'loud',
    DYNAKV_OPERATOR_LEASE_RENEW_MS: '20000',
  };
  expect(parseOperatorOptions(env)).toEqual({
    problems: [
      'DYNAKV_OPERATOR_WATCH_NAMESPACES must list names of namespaces: "Good_"',
      'DYNAKV_OPERATOR_LOG_LEVEL must be error, warn, info, debug: "loud"',
      'DYNAKV_OPERATOR_LISTEN_PORT must be a whole number of 0 … 65535: "99999"',
      'DYNAKV_OPERATOR_LEASE_RENEW_MS must be below DYNAKV_OPERATOR_LEASE_DURATION_MS, or two ' +
        'could hold the Lease: 20000 and 15000',
    ],
  });
});
