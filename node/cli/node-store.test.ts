/**
 * Goal: a birth is whole, or starts over, whatever moment the power goes; a member's stores are
 * never emptied. Method: the simulated disk and the memory engine (which counts as empty once its
 * folder is), a power cut before every step of a birth, then a start as after any other.
 */
import { describe, expect, test } from '@jest/globals';
import { bornGroups } from '../manager/bootstrap.ts';
import type { NodeStore } from './node-store.ts';
import { Machine, path, plan } from './testing-machine.ts';

async function expectWhole(store: NodeStore): Promise<void> {
  const groups = bornGroups(plan).map((group) => group.groupId);
  expect([...store.log.groups.keys()].sort()).toEqual(groups);
  expect(store.generations.groups().map((pointer) => pointer.groupId)).toEqual(groups);
  await store.log.close();
  await store.engine.close();
}

describe('bearNode()', () => {
  test('a power cut before any step leaves an empty node or one that becomes whole', async () => {
    const outcomes: string[] = [];
    for (let steps = 0, ended = false; !ended; steps++) {
      const machine = new Machine(steps + 1);
      const off = machine.sim.powerCutAfter(steps).then(() => false);
      ended = await Promise.race([machine.bear().then(() => true), off]);
      if (ended) {
        void machine.sim.powerCutAfter(Infinity);
      } else {
        machine.crash();
      }
      let store = await machine.open();
      outcomes.push(store === undefined ? 'empty' : 'member');
      if (store === undefined) {
        await machine.bear();
        store = await machine.open();
      }
      expect(store).toBeDefined();
      if (store !== undefined) {
        await expectWhole(store);
      }
    }
    expect(outcomes.length).toBeGreaterThan(20);
    expect(outcomes[0]).toBe('empty');
    expect(outcomes.at(-1)).toBe('member');
  });

  test('a birth cut short twice still becomes whole', async () => {
    for (let steps = 0; steps < 30; steps += 3) {
      const machine = new Machine(steps + 100);
      const first = machine.sim.powerCutAfter(18 + steps).then(() => undefined);
      await Promise.race([machine.bear(), first]);
      machine.crash();
      const again = machine.sim.powerCutAfter(steps).then(() => undefined);
      const store = await Promise.race([machine.open(), again]);
      if (store !== undefined) {
        void machine.sim.powerCutAfter(Infinity);
        await expectWhole(store);
        continue;
      }
      machine.crash();
      const last = await machine.open();
      if (last === undefined) {
        await machine.bear();
      } else {
        await expectWhole(last);
      }
    }
  });

  test('a member is not born again, and no note is left beside it', async () => {
    const machine = new Machine(1);
    await machine.bear();
    await expect(machine.bear()).rejects.toThrow('A note beside a member');
    expect(await machine.sim.mount().exists(`${path}/birth.json`)).toBe(false);
  });
});

describe('openNodeStore()', () => {
  test('refuses to empty the stores of a member for the note of another birth', async () => {
    const machine = new Machine(1);
    await machine.bear();
    const files = await machine.sim.mount().list(`${path}/log`);
    const note = JSON.stringify({ nodeId: 2, plan });
    machine.sim.plant(`${path}/birth.json`, Buffer.from(note));
    await expect(machine.open()).rejects.toMatchObject({
      code: 'Refused',
      message: `Cannot open "${path}": its birth.json is not of node 1 of cluster "c1"`,
    });
    expect(await machine.sim.mount().list(`${path}/log`)).toEqual(files);
  });

  test('refuses rows that are not of this store', async () => {
    const machine = new Machine(1);
    await machine.bear();
    await machine.sim.mount().remove(`${path}/rows/CURRENT`);
    await expect(machine.open()).rejects.toMatchObject({
      code: 'Refused',
      message: expect.stringContaining('belong to store "none"'),
    });
  });

  test('announces another boot each time, all of them in the history', async () => {
    const machine = new Machine(1);
    await machine.bear();
    const first = await machine.open();
    const before = [...(first?.log.bootHistory ?? [])];
    await first?.log.close();
    await first?.engine.close();
    const second = await machine.open();
    expect(second?.log.bootHistory.slice(0, -1)).toEqual(before);
    expect(new Set(second?.log.bootHistory).size).toBe(before.length + 1);
  });
});
