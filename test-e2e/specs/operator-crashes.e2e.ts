/**
 * The operator is killed before every single write of create, growing, rolling and shrinking.
 * Goal: whatever it leaves half done, the next life finishes, and no acknowledged write is lost.
 * Method: a build of the operator that ends before the n-th write of a life; a supervisor starts
 * it with the next n until the cluster is as it should be, a checked writer throughout.
 */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { CheckedWriter } from '../lib/checked-writer.ts';
import { timeouts } from '../lib/timeouts.ts';
import { pause } from '../lib/waiting.ts';
import { useCluster } from '../spec-cluster.ts';
import type { ClusterObject } from './database-cluster.ts';
import { DatabaseCluster, installCrd } from './database-cluster.ts';
import { OperatorProgram } from './operator-program.ts';

const stepMs = timeouts.test * 4;

describe('operator killed at every write', () => {
  const spec = useCluster('operator-crashes');
  let operator: OperatorProgram;
  let demo: DatabaseCluster;
  let writer: CheckedWriter | undefined;
  let isSupervised = true;
  /** The write of its life that the operator does not come to. */
  let crashBefore = 0;
  let supervisor: Promise<void>;

  beforeAll(async () => {
    await installCrd(spec);
    const { kubectl = '', kubeconfig = '' } = spec.environment.cluster ?? {};
    const { namespace, outFolder } = spec;
    operator = new OperatorProgram({
      ...{ kubectl, kubeconfig, namespace, outFolder, entry: 'operator/test/crashing-operator.ts' },
      env: {
        // As a container that starts again in its pod: it need not wait for itself.
        DYNAKV_OPERATOR_IDENTITY: 'crashing-0',
        DYNAKV_OPERATOR_LEASE_DURATION_MS: '15000',
        DYNAKV_OPERATOR_LEASE_RENEW_MS: '10000',
      },
    });
    supervisor = (async () => {
      while (isSupervised) {
        if (!operator.runs) {
          crashBefore += 1;
          operator.start({ CRASH_BEFORE_WRITE: String(crashBefore) });
        }
        await pause(timeouts.poll);
      }
    })();
    demo = new DatabaseCluster(spec, 'demo');
  }, timeouts.hook);
  afterAll(async () => {
    await writer?.stop();
    isSupervised = false;
    await supervisor;
    await operator.stop('SIGKILL');
  }, timeouts.hook);

  /** How many lives it took; each ended before a write. */
  async function through(what: string, ask: () => Promise<ClusterObject>): Promise<void> {
    crashBefore = 0;
    const asked = await ask();
    // The life before has no crash point left.
    await operator.stop('SIGKILL');
    const before = operator.lives;
    await demo.ready(asked, stepMs / 2);
    const value = operator.lives - before;
    spec.record({ what: `lives of the operator: ${what}`, value, unit: 'lives' });
    expect(value).toBeGreaterThan(1);
  }

  spec.test(
    'created',
    async () => {
      await through('create', () => demo.apply());
      writer = demo.writer();
      await writer.start();
    },
    stepMs,
  );

  spec.test('grown', async () => await through('scale 3→4', () => demo.scale(4)), stepMs);

  spec.test(
    'rolled',
    async () => {
      await through('roll of 4', () => demo.patch({ config: { 'log-level': 'debug' } }));
    },
    stepMs,
  );

  spec.test(
    'shrunk, and nothing was lost',
    async () => {
      await through('scale 4→3', () => demo.scale(3));
      const report = await writer?.finish();
      expect(report?.acknowledged).toBeGreaterThan(100);
    },
    stepMs,
  );
});
