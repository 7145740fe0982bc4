/** Names made from the longest allowed cluster name must fit what Kubernetes takes. */
import { describe, expect, test } from '@jest/globals';
import { conditionTypes, reasons } from './conditions.ts';
import { clusterNameCharactersMax } from './dynamo-cluster.ts';
import { claimName, objectNames, ordinalOf, podHost, podName, selectorLabels } from './names.ts';
import { blockerOf } from './observed.ts';

const longest = 'c'.repeat(clusterNameCharactersMax);
/** Of a DNS label, which the names of Services, pods (by hostname) and labels are. */
const labelCharactersMax = 63;

describe('names of a cluster', () => {
  test('those of the longest name fit', () => {
    const hash = '-0123456789';
    const names = [
      ...Object.values(objectNames(longest)),
      ...[podName(longest, 999), claimName(longest, 999)],
      // The StatefulSet controller labels pods with its name and a hash.
      `${objectNames(longest).statefulSet}${hash}`,
      ...Object.values(selectorLabels(longest)),
    ];
    expect(names.filter((name) => name.length > labelCharactersMax)).toEqual([]);
    expect(podHost(longest, 'n'.repeat(labelCharactersMax), 999).length).toBeLessThan(253);
  });

  test('no two objects of one kind share a name', () => {
    const { peersService, clientService, ...others } = objectNames('a');
    const secrets = Object.entries(others).filter(([field]) => field.endsWith('Secret'));
    expect(new Set(secrets.map(([, name]) => name)).size).toBe(secrets.length);
    expect(peersService).not.toBe(clientService);
  });

  test('ordinalOf() reads back what podName() and claimName() made, and nothing else', () => {
    expect(ordinalOf('a', podName('a', 12))).toBe(12);
    expect(ordinalOf('a', claimName('a', 0))).toBe(0);
    // A cluster whose name another one's begins with, or that is called like the claims.
    expect(ordinalOf('a', podName('a-1', 2))).toBeUndefined();
    expect(ordinalOf('data', claimName('data', 3))).toBe(3);
    expect(ordinalOf('a', 'a-01')).toBeUndefined();
    expect(ordinalOf('a', 'a-x')).toBeUndefined();
  });
});

describe('reasons', () => {
  test('they and the condition types are CamelCase', () => {
    const words = [...Object.keys(reasons), ...Object.values(conditionTypes)];
    expect(words.filter((word) => !/^[A-Z][A-Za-z]{2,63}$/.test(word))).toEqual([]);
  });

  test('a refusal of the database is shown as it is', () => {
    const refusal = { reason: 'NodeDown', message: 'Node 2 is down', nodeId: 2, groupIds: [1] };
    expect(blockerOf(refusal)).toEqual({ reason: 'NodeDown', message: 'Node 2 is down' });
  });
});
