/**
 * The operator is killed before every single write of create, growing, rolling and shrinking, on a
 * real API server with fake kubelets. Goal: whatever it leaves half done, the next life finishes,
 * and the database was never asked for what loses data. Method: as `operator-crashes`, without
 * containers: cheap enough to go through every write of every scenario.
 */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { timeouts } from '../lib/timeouts.ts';
import { pause, until } from '../lib/waiting.ts';
import { useMiddle } from '../spec-middle.ts';
import { MiddleOperator } from './middle-operator.ts';
import type { OperatorProgram } from './operator-program.ts';

const stepMs = timeouts.test * 4;

describe('operator killed at every write, without containers', () => {
  const spec = useMiddle('middle-operator-crashes');
  let middle: MiddleOperator;
  let operator: OperatorProgram;
  let isSupervised = true;
  /** The write of its life that the operator does not come to. */
  let crashBefore = 0;
  let supervisor: Promise<void>;

  beforeAll(async () => {
    middle = await MiddleOperator.prepare(spec);
    operator = middle.program('crashing', {
      // As a container that starts again in its pod: it need not wait for itself.
      env: { DYNAKV_OPERATOR_IDENTITY: 'crashing-0' },
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
  }, timeouts.hook);
  afterAll(async () => {
    isSupervised = false;
    await supervisor;
    await operator.stop('SIGKILL');
    await middle.stop();
  }, timeouts.hook);

  async function through(change: Readonly<Record<string, unknown>>): Promise<void> {
    crashBefore = 0;
    const generation = await middle.set(change);
    // The life before has no crash point left.
    await operator.stop('SIGKILL');
    const before = operator.lives;
    await middle.ready(generation, stepMs);
    expect(operator.lives - before).toBeGreaterThan(1);
    expect(middle.database.violations).toEqual([]);
  }

  spec.test(
    'created: one database, whatever was left half done',
    async () => {
      await through({ replicas: 3 });
      expect(middle.database.activeIds).toEqual([1, 2, 3]);
      expect(middle.database.log.filter((line) => line === 'init')).toEqual(['init']);
    },
    stepMs,
  );

  spec.test(
    'grown: each pod is one node',
    async () => {
      await through({ replicas: 5 });
      expect(middle.database.activeIds).toEqual([1, 2, 3, 4, 5]);
    },
    stepMs,
  );

  spec.test(
    'rolled: what nodes were told is taken back',
    async () => {
      await through({ config: { 'log-level': 'debug' } });
      // Ready is whoever serves: the last node may hear a round later that it may lead again.
      await until('nodes that may lead', timeouts.database, () => {
        const told = middle.database.nodes.filter(
          (node) => node.evicting || node.maintenanceUntilMs !== 0,
        );
        return told.length === 0 ? true : undefined;
      });
    },
    stepMs,
  );

  spec.test(
    'shrunk: drained, removed, marked, and only then gone',
    async () => {
      await through({ replicas: 3 });
      expect(middle.database.activeIds).toEqual([1, 2, 3]);
    },
    stepMs,
  );
});
