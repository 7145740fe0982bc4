/**
 * Goal: `recover` changes nothing before it has asked twice, says what it refuses, goes on where it
 * was cut short, and leaves its audit. Method: simulated disks of three born nodes; what it does to
 * histories is shown by node/sim/recovery.sim.test.ts.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import type { BootstrapPlan } from '../manager/bootstrap.ts';
import { recoveryNoteName } from './node-store.ts';
import { runRecover } from './recover.ts';
import type { RecoverOptions } from './recover.ts';
import { Machine, nodeOptions, path, plan } from './testing-machine.ts';

const quiet: RecoverOptions = {
  ...{ data: [path], lost: [2, 3], reports: [] },
  ...{ reportOnly: false, unsafe: true, createEmpty: false },
};
const yes = [plan.clusterId, 'give up data'];

class Terminal {
  readonly questions: string[] = [];
  text = '';
  readonly #answers: string[];

  constructor(answers: readonly string[]) {
    this.#answers = [...answers];
  }

  async recover(machine: Machine, options: Partial<RecoverOptions> = {}): Promise<number> {
    return await runRecover(
      { ...quiet, ...options },
      {
        world: machine.world(),
        optionsOf: nodeOptions,
        ask: (question) => {
          this.questions.push(question);
          return Promise.resolve(must(this.#answers.shift(), 'One question too many'));
        },
        write: (text) => {
          this.text += text;
        },
      },
    );
  }
}

const five: BootstrapPlan = {
  ...plan,
  members: [1, 2, 3, 4, 5].map((nodeId) => ({
    nodeId,
    address: `n${nodeId}:7000`,
    clientAddress: `n${nodeId}:8000`,
    opsAddress: `n${nodeId}:9100`,
  })),
};

async function born(nodeId = 1, birth = plan): Promise<Machine> {
  const machine = new Machine(nodeId, nodeId, birth);
  await machine.bear();
  const store = must(await machine.open());
  await store.log.close();
  await store.engine.close();
  return machine;
}

async function files(machine: Machine): Promise<readonly string[]> {
  return [...(await machine.sim.mount().list(path))].sort();
}

async function voters(machine: Machine): Promise<readonly (readonly number[])[]> {
  const store = must(await machine.open());
  const found = [...store.log.groups.entries()]
    .sort(([a], [b]) => a - b)
    .map(([, { snapshotMetadata }]) => snapshotMetadata.confState.voters);
  await store.log.close();
  await store.engine.close();
  return found;
}

describe('recover', () => {
  test('shows its plan without --unsafe, and asks nothing', async () => {
    const machine = await born();
    const before = await files(machine);
    const terminal = new Terminal([]);
    expect(await terminal.recover(machine, { unsafe: false })).toBe(0);
    expect(terminal.text).toContain('lost       n2, n3: tombstoned for good');
    expect(terminal.text).toContain('recovered  2 shards go on from one copy');
    expect(terminal.text).toContain('shard 1 on n1, from its copy');
    expect(terminal.text).toContain('Nothing was changed');
    expect(await files(machine)).toEqual(before);
  });

  test.each([
    [['c2'], 'not the id of the cluster', 1],
    [[plan.clusterId, 'yes'], 'Nothing was changed', 2],
  ])('changes nothing after the answers %j', async (answers, message, asked) => {
    const machine = await born();
    const before = await files(machine);
    const terminal = new Terminal(answers);
    await expect(terminal.recover(machine)).rejects.toThrow(message);
    expect(terminal.questions).toHaveLength(asked);
    expect(await files(machine)).toEqual(before);
    expect(await voters(machine)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  test('after both answers it is done, and an audit file says what was', async () => {
    const machine = await born();
    const terminal = new Terminal(yes);
    expect(await terminal.recover(machine)).toBe(0);
    expect(await voters(machine)).toEqual([[104], [104], [104]]);
    const audits = (await files(machine)).filter((name) => name.startsWith('recovery'));
    expect(audits).toEqual([expect.stringMatching(/^recovery-2023-11-14T.*Z\.json$/)]);
    const file = await machine.sim.mount().open(`${path}/${must(audits[0])}`, 'read');
    const bytes = Buffer.alloc(1 << 16);
    const audit: unknown = JSON.parse(
      bytes.toString('utf8', 0, await file.read(bytes, 0, 1 << 16, 0)),
    );
    expect(audit).toMatchObject({
      plan: { clusterId: plan.clusterId, lost: [2, 3], survivors: [1] },
      startedAt: expect.any(String),
      endedAt: expect.any(String),
    });
  });

  test('cut short: no node starts on it, and another run ends what was begun', async () => {
    let cut = 0;
    for (let steps = 4; steps < 60; steps += 4) {
      const machine = await born();
      const dark = machine.sim.powerCutAfter(steps).then(() => undefined);
      const first = new Terminal(yes).recover(machine);
      const ended = await Promise.race([first, dark]);
      if (ended !== undefined) {
        break;
      }
      machine.crash();
      if (await machine.sim.mount().exists(`${path}/${recoveryNoteName}`)) {
        cut += 1;
        await expect(machine.open()).rejects.toThrow('a recovery was begun on it and cut short');
        await expect(new Terminal([]).recover(machine, { reportOnly: true })).rejects.toThrow(
          'a recovery was begun on this disk',
        );
      }
      // What is said of lost nodes now does not count any more: the plan is the one begun.
      const isBegun = await machine.sim.mount().exists(`${path}/${recoveryNoteName}`);
      const again = new Terminal(yes);
      const work = again.recover(machine, isBegun ? { lost: [] } : {});
      // The note may be gone already: then all is done, and the first plan is nobody's any more.
      await (isBegun || cut === 0
        ? expect(work).resolves.toBe(0)
        : expect(work).rejects.toThrow('Every group keeps a majority'));
      expect(again.text.includes('it goes on')).toBe(isBegun);
      expect(await voters(machine)).toEqual([[104], [104], [104]]);
    }
    expect(cut).toBeGreaterThan(3);
  });

  test('the disks of other machines come as reports: each machine does its part', async () => {
    const machines: Machine[] = [];
    for (const nodeId of [1, 2]) {
      machines.push(await born(nodeId, five));
    }
    const reports: string[] = [];
    for (const machine of machines) {
      const terminal = new Terminal([]);
      expect(await terminal.recover(machine, { reportOnly: true })).toBe(0);
      reports.push(terminal.text);
    }
    const plans: string[] = [];
    for (const [i, machine] of machines.entries()) {
      const terminal = new Terminal(yes);
      const others = reports.filter((_, j) => j !== i);
      const work = terminal.recover(machine, {
        lost: [3, 4, 5],
        reports: others,
        createEmpty: true,
      });
      expect(await work).toBe(0);
      plans.push(terminal.text.slice(0, terminal.text.lastIndexOf('recovered;') - 4));
    }
    expect(plans[0]).toBe(plans[1]);
    // The system group goes on from one of them alone; the other has a note where to find it.
    const found = [await voters(must(machines[0])), await voters(must(machines[1]))];
    expect(found.map((groups) => groups[0])).toEqual([[106], []]);
    expect(await files(must(machines[0]))).not.toContain('join.json');
    expect(await files(must(machines[1]))).toContain('join.json');
  });

  test('refuses what is no disk of a cluster, and a node of which nothing is said', async () => {
    const empty = new Machine(9);
    await expect(new Terminal([]).recover(empty)).rejects.toThrow('belongs to no cluster');
    const machine = await born();
    await expect(new Terminal([]).recover(machine, { data: [] })).rejects.toThrow(
      'give a data folder with --data',
    );
    await expect(new Terminal([]).recover(machine, { lost: [2] })).rejects.toThrow(
      'n3 are neither',
    );
  });
});
