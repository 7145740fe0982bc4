/**
 * Ways to the API server that fail, and two operators. Goal: a watch that is silent, answers that
 * are late and a server that is gone delay the operator and do not mislead it; an operator that was
 * stopped and believes in its Lease changes nothing any more. Method: a real API server behind a
 * proxy that misbehaves, and a model of the database that counts who changed what.
 */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { timeouts } from '../lib/timeouts.ts';
import { pause, until } from '../lib/waiting.ts';
import { useMiddle } from '../spec-middle.ts';
import { MiddleOperator } from './middle-operator.ts';
import type { OperatorProgram } from './operator-program.ts';

const stepMs = timeouts.test * 2;
/** Long enough that every watch of the operator would have said something, ms. */
const outageMs = 5_000;
const lagMs = 700;

describe('an operator with a bad way to the API server', () => {
  const spec = useMiddle('middle-operator-outages');
  let middle: MiddleOperator;
  let operator: OperatorProgram;
  let second: OperatorProgram | undefined;

  beforeAll(async () => {
    middle = await MiddleOperator.prepare(spec);
    // Another life of the same pod: an outage longer than the Lease costs it nothing more.
    const env = { DYNAKV_OPERATOR_WATCH_IDLE_MS: '3000', DYNAKV_OPERATOR_IDENTITY: 'first' };
    operator = middle.program('first', { way: 'proxy', env });
    operator.start();
    await middle.ready(await middle.set({ replicas: 3 }));
  }, timeouts.hook);
  afterAll(async () => {
    await operator.stop('SIGKILL');
    await second?.stop('SIGKILL');
    await middle.stop();
    expect(middle.database.violations).toEqual([]);
  }, timeouts.hook);

  spec.test(
    'watches that say nothing any more are noticed',
    async () => {
      spec.cluster.proxy.silenceOpen();
      await middle.ready(await middle.set({ replicas: 4 }), stepMs);
      expect(middle.database.activeIds).toEqual([1, 2, 3, 4]);
    },
    stepMs,
  );

  spec.test(
    'answers that are late do not lead to decisions on what was',
    async () => {
      spec.cluster.proxy.lagMs = lagMs;
      try {
        // Up, down and up again while it still hears of the first.
        await middle.set({ replicas: 5 });
        await middle.set({ replicas: 3 });
        await middle.ready(await middle.set({ replicas: 4 }), stepMs);
        expect(middle.database.activeIds).toHaveLength(4);
      } finally {
        spec.cluster.proxy.lagMs = 0;
      }
    },
    stepMs,
  );

  spec.test(
    'an API server that was gone is used again, by the same process',
    async () => {
      const { lives } = operator;
      const before = middle.database.log.length;
      await spec.cluster.withoutApiServer(async () => {
        await pause(outageMs);
        // Nobody changes a database on the word of a server that does not answer.
        expect(middle.database.log.length).toBe(before);
      });
      await middle.ready(await middle.set({ replicas: 3 }), stepMs);
      expect(operator.runs).toBe(true);
      expect(operator.lives).toBe(lives);
    },
    stepMs,
  );

  spec.test(
    'one that was stopped while another took over stands back, and changes nothing',
    async () => {
      second = middle.program('second', { env: { DYNAKV_OPERATOR_IDENTITY: 'second' } });
      second.start();
      await pause(timeouts.poll);
      operator.freeze();
      await middle.ready(await middle.set({ replicas: 4 }), stepMs);
      expect(middle.database.controlHolder).toContain('second');
      const { controlEpoch } = middle.database;
      const said = operator.log.length;
      operator.resume();
      // It ends, or stands by: both are an operator that does nothing.
      await until('the first to notice', timeouts.database, () =>
        operator.log.slice(said).includes('leads no more') ? true : undefined,
      );
      await middle.ready(await middle.set({ replicas: 3 }), stepMs);
      expect(operator.log.slice(said)).not.toContain('"Acting"');
      expect(middle.database.controlHolder).toContain('second');
      expect(middle.database.controlEpoch).toBe(controlEpoch);
    },
    stepMs,
  );
});
