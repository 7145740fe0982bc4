/**
 * The data folder on the simulated disk. Goal: each refusal is clear and changes nothing, and an
 * identity is there whole or not at all. Method: a power cut before every step of creating one.
 */
import { describe, expect, test } from '@jest/globals';
import { SimDisk } from '../sim/disk.ts';
import type { Disk } from '../sys/disk.ts';
import { DataFolder } from './data-folder.ts';
import { remedy } from './raft-log/quarantine.ts';
import type { FolderLock } from './data-folder.ts';

const path = '/node/data';
const mine = { clusterId: 'c1', nodeId: 3, storeId: 's1', createdAt: '2026-01-01T00:00:00.000Z' };

/** One machine: who holds which folder. */
class MemoryLock implements FolderLock {
  readonly held = new Set<string>();

  acquire(folder: string): Promise<(() => Promise<void>) | undefined> {
    if (this.held.has(folder)) {
      return Promise.resolve(undefined);
    }
    this.held.add(folder);
    return Promise.resolve(() => {
      this.held.delete(folder);
      return Promise.resolve();
    });
  }
}

interface Machine {
  readonly sim: SimDisk;
  readonly disk: Disk;
  readonly lock: MemoryLock;
}

function machine(): Machine {
  const sim = new SimDisk({ seed: 1 });
  return { sim, disk: sim.mount(), lock: new MemoryLock() };
}

async function created({ disk, lock }: Machine): Promise<void> {
  const folder = await DataFolder.open({ disk, lock, path });
  await folder.initialise(mine);
  await folder.close();
}

/** Opening fails so, changes nothing and holds no lock. */
async function expectRefused(
  { sim, disk, lock }: Machine,
  expected: { code: string; message: string },
  clusterId?: string,
): Promise<void> {
  const held = [...lock.held];
  const mutations = sim.mutations;
  const names = await disk.list(path);
  await expect(DataFolder.open({ disk, lock, path, clusterId })).rejects.toMatchObject(expected);
  expect(await disk.list(path)).toEqual(names);
  expect(sim.mutations).toBe(mutations);
  expect([...lock.held]).toEqual(held);
}

const cannot = `Cannot open data folder ${path}: `;

describe('DataFolder', () => {
  test('open() makes a new folder without an identity', async () => {
    const { disk, lock } = machine();
    const folder = await DataFolder.open({ disk, lock, path });
    expect(folder.identity).toBeUndefined();
    expect(folder.enginePath).toBe('/node/data/rows');
    expect(folder.logPath).toBe('/node/data/log');
  });
  test('initialise() gives an identity that the next open finds', async () => {
    const one = machine();
    await created(one);
    const folder = await DataFolder.open({ ...one, path, clusterId: 'c1' });
    expect(folder.identity).toEqual({ formatVersion: 1, ...mine });
    await expect(folder.initialise(mine)).rejects.toThrow('once');
  });
  test('initialise() is whole or nothing, whenever the power goes', async () => {
    const outcomes = new Set<boolean>();
    for (let step = 1; step < 12; step++) {
      for (let seed = 1; seed <= 8; seed++) {
        const sim = new SimDisk({ seed });
        const dark = sim.powerCutAfter(step);
        let acknowledged = false;
        const run = created({ sim, disk: sim.mount(), lock: new MemoryLock() }).then(() => {
          acknowledged = true;
        });
        await Promise.race([dark, run]);
        sim.crash();
        const after: Machine = { sim, disk: sim.mount(), lock: new MemoryLock() };
        const folder = await DataFolder.open({ ...after, path });
        const found = folder.identity !== undefined;
        outcomes.add(found);
        expect(found || !acknowledged).toBe(true);
        expect(folder.identity ?? mine).toMatchObject(mine);
        if (!found) {
          await folder.initialise(mine);
        }
      }
    }
    expect(outcomes.size).toBe(2);
  });
  test('reserve() is a promise that the next open finds, and the folder stays a new one', async () => {
    const one = machine();
    const folder = await DataFolder.open({ ...one, path });
    expect(folder.reservation).toBeUndefined();
    const promise = { clusterId: 'c1', nodeId: 2, storeId: 's2', bootNonce: 'b' };
    await folder.reserve(promise);
    await folder.close();
    one.sim.crash();
    const again = await DataFolder.open({ ...one, disk: one.sim.mount(), path });
    expect([again.reservation, again.identity]).toEqual([promise, undefined]);
    await again.initialise(mine);
    expect(again.identity).toMatchObject(mine);
    await expect(again.reserve(promise)).rejects.toThrow('nothing to promise');
  });
  test('noteRemoval() stays, the first reason counts, and no data is touched', async () => {
    const one = machine();
    await created(one);
    const folder = await DataFolder.open({ ...one, path });
    await folder.noteRemoval({ at: 'then', reason: 'the catalog says so' });
    await folder.noteRemoval({ at: 'later', reason: 'again' });
    await folder.close();
    one.sim.crash();
    const again = await DataFolder.open({ ...one, disk: one.sim.mount(), path });
    expect(again.removal).toEqual({ at: 'then', reason: 'the catalog says so' });
    expect(again.identity).toMatchObject(mine);
  });
  test('open() refuses a folder in use, until it is closed', async () => {
    const one = machine();
    await created(one);
    const folder = await DataFolder.open({ ...one, path });
    await expectRefused(one, { code: 'Refused', message: `${cannot}another process has it` });
    await folder.close();
    await folder.close();
    await (await DataFolder.open({ ...one, path })).close();
  });
  test('open() refuses another cluster', async () => {
    const one = machine();
    await created(one);
    const message = `${cannot}it belongs to cluster "c1", not "c2"`;
    await expectRefused(one, { code: 'WrongCluster', message }, 'c2');
  });
  test.each([
    ['{"formatVersion": 2, "shape": "unknown"}', "its format 2 is newer than this program's 1"],
    ['', 'identity.json cannot be understood'],
    ['[1', 'identity.json cannot be understood'],
    ['{"formatVersion": 1, "clusterId": "c1"}', 'identity.json cannot be understood'],
  ])('open() refuses identity %j', async (text, problem) => {
    const one = machine();
    await one.disk.makeDirectory(path);
    one.sim.plant(`${path}/identity.json`, Buffer.from(text));
    await expectRefused(one, { code: 'Refused', message: `${cannot}${problem}` });
  });
  test('open() refuses data without an identity', async () => {
    const one = machine();
    await one.disk.makeDirectory(path);
    one.sim.plant(`${path}/000001.log`, Buffer.from('x'));
    const message = `${cannot}it is not empty (000001.log) and has no identity.json`;
    await expectRefused(one, { code: 'Refused', message });
  });
  test('open() refuses a quarantined folder, after a power cut too', async () => {
    const one = machine();
    await created(one);
    const folder = await DataFolder.open({ ...one, path });
    await folder.quarantine('Cannot sync store: EIO', '2026-02-02');
    await folder.quarantine('a later reason', '2026-03-03');
    one.sim.crash();
    const after: Machine = { sim: one.sim, disk: one.sim.mount(), lock: new MemoryLock() };
    const message = `${cannot}it is quarantined since 2026-02-02: Cannot sync store: EIO; ${remedy}`;
    await expectRefused(after, { code: 'Quarantined', message });
  });
  test('a quarantine whose reason did not fit is still one', async () => {
    const one = machine();
    await created(one);
    const folder = await DataFolder.open({ ...one, path });
    one.sim.failNext('ENOSPC', ({ kind }) => kind === 'write');
    await expect(folder.quarantine('reason', 'now')).rejects.toMatchObject({ code: 'NoSpace' });
    await folder.close();
    const message = `${cannot}it is quarantined: for an unknown reason; ${remedy}`;
    await expectRefused(one, { code: 'Quarantined', message });
  });
});
