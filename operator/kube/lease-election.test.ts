// Goal: one holder at a time, by clocks that are not compared; a holder that cannot renew gives up
// before another may take over. Method: two elections on one server, each with a clock that the
// test moves, and a server that conflicts and goes away.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { KubeObject } from '../api/kube-object.ts';
import { LeaseElection, microTime } from './lease-election.ts';
import { startTestingKube, until, world } from './testing-kube.ts';
import type { TestingKube } from './testing-kube.ts';

jest.setTimeout(60_000);

const collection = '/apis/coordination.k8s.io/v1/namespaces/test/leases';
let kube: TestingKube;
let elections: LeaseElection[];
let story: string[];

interface Own {
  nowMs: number;
}

function join(identity: string, own: Own, wallMs = 0): LeaseElection {
  const election = new LeaseElection({
    ...{ client: kube.client, namespace: 'test', name: 'op', identity, ...world, retryMs: 10 },
    clock: { monotonicMs: () => own.nowMs, wallMs: () => wallMs + own.nowMs },
    onStarted: (signal) => {
      story.push(`${identity} leads`);
      signal.addEventListener('abort', () => story.push(`${identity} aborts`));
    },
    onStopped: (why) => story.push(`${identity} ${why}`),
  });
  elections.push(election);
  election.start();
  return election;
}

const lease = (): KubeObject & { spec: Record<string, unknown> } =>
  kube.server.find(collection, 'op') as KubeObject & { spec: Record<string, unknown> };
const attempts = async (count: number): Promise<void> => {
  const before = kube.server.requests.length;
  await until('attempts', () => kube.server.requests.length >= before + count);
};

beforeEach(async () => {
  kube = await startTestingKube({ timeoutMs: 500 });
  elections = [];
  story = [];
});
afterEach(async () => {
  await Promise.all(elections.map((each) => each.stop()));
  await kube.stop();
});

describe('LeaseElection', () => {
  test('the first takes it, the second stands by, whatever its clock says', async () => {
    const one = join('one', { nowMs: 0 });
    await until('one to lead', () => one.isHeld);
    const two = join('two', { nowMs: 5_000_000 }, 9e12);
    await attempts(10);
    expect(two.isHeld).toBe(false);
    expect(story).toEqual(['one leads']);
    expect(lease().spec).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 15 });
  });

  test('a stop gives it back at once, and the next needs no waiting', async () => {
    const one = join('one', { nowMs: 0 });
    await until('one to lead', () => one.isHeld);
    const two = join('two', { nowMs: 0 });
    await attempts(4);
    await one.stop();
    await until('two to lead', () => two.isHeld);
    expect(story).toEqual(['one leads', 'one aborts', 'one stopped', 'two leads']);
    expect(two.disruptionWaitMs).toBe(0);
    expect(lease().spec['leaseTransitions']).toBe(1);
  });

  test('a silent holder is followed after the duration, and the successor waits', async () => {
    kube.server.put(collection, {
      ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
      metadata: { name: 'op', namespace: 'test' },
      spec: { holderIdentity: 'gone', leaseDurationSeconds: 15, renewTime: microTime(0) },
    });
    const own = { nowMs: 0 };
    const two = join('two', own);
    await attempts(4);
    own.nowMs = 14_900;
    await attempts(4);
    expect(two.isHeld).toBe(false);
    own.nowMs = 15_100;
    await until('two to lead', () => two.isHeld);
    expect(two.disruptionWaitMs).toBeGreaterThan(9_000);
    own.nowMs += 10_000;
    expect(two.disruptionWaitMs).toBe(0);
  });

  test('a holder that cannot renew gives up in time, and stands by again', async () => {
    const own = { nowMs: 0 };
    const one = join('one', own);
    await until('one to lead', () => one.isHeld);
    kube.server.fail(503, { count: 1_000_000 });
    own.nowMs = 9_000;
    expect(one.isHeld).toBe(true);
    own.nowMs = 10_000;
    expect(one.isHeld).toBe(false);
    await until('one to stop', () => story.includes('one late'));
  });

  test('a holder whose Lease another has taken stops', async () => {
    const one = join('one', { nowMs: 0 });
    await until('one to lead', () => one.isHeld);
    kube.server.put(collection, { ...lease(), spec: { ...lease().spec, holderIdentity: 'thief' } });
    await until('one to stop', () => story.includes('one taken'));
    expect(one.isHeld).toBe(false);
    expect(story).toEqual(['one leads', 'one aborts', 'one taken']);
  });

  test('of two that take a free one at once, one gets it', async () => {
    const many = ['a', 'b', 'c', 'd'].map((name) => join(name, { nowMs: 0 }));
    await until('one to lead', () => many.some((each) => each.isHeld));
    await attempts(20);
    expect(many.filter((each) => each.isHeld).length).toBe(1);
    expect(story.length).toBe(1);
  });
});

test('microTime() has six digits', () => {
  expect(microTime(1_700_000_000_123)).toBe('2023-11-14T22:13:20.123000Z');
});
