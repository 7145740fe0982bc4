/**
 * Goal: a note is there whole or not at all, and one that cannot be understood stops the start.
 * Method: the simulated disk, a power cut before every step.
 */
import { describe, expect, test } from '@jest/globals';
import { SimDisk } from '../sim/disk.ts';
import { emptyFolder, readBirthNote, removeBirthNote, writeBirthNote } from './birth-note.ts';

const folder = '/data';
const plan = { nodeId: 1, plan: { clusterId: 'c' } };

async function machine(seed: number): Promise<SimDisk> {
  const sim = new SimDisk({ seed });
  const disk = sim.mount();
  await disk.makeDirectory(folder);
  await disk.syncDirectory('/');
  return sim;
}

/** Does `work`, losing power before its step `steps`; true if it ended before. */
async function cutShort(sim: SimDisk, steps: number, work: Promise<void>): Promise<boolean> {
  const off = sim.powerCutAfter(steps).then(() => false);
  const ended = await Promise.race([work.then(() => true), off]);
  if (!ended) {
    sim.crash();
  }
  return ended;
}

describe('writeBirthNote()', () => {
  test('the note is whole or absent after a power cut before any step', async () => {
    const seen = new Set<string>();
    for (let steps = 0, ended = false; !ended; steps++) {
      const sim = await machine(steps);
      ended = await cutShort(sim, steps, writeBirthNote(sim.mount(), folder, plan));
      const found = await readBirthNote(sim.mount(), folder);
      expect([undefined, plan]).toContainEqual(found);
      expect(ended && found === undefined).toBe(false);
      seen.add(found === undefined ? 'absent' : 'whole');
    }
    expect([...seen].sort()).toEqual(['absent', 'whole']);
  });

  test('replaces a note left behind', async () => {
    const sim = await machine(1);
    await writeBirthNote(sim.mount(), folder, { nodeId: 9 });
    await writeBirthNote(sim.mount(), folder, plan);
    expect(await readBirthNote(sim.mount(), folder)).toEqual(plan);
  });
});

describe('removeBirthNote()', () => {
  test('does not come back after a power cut', async () => {
    const sim = await machine(1);
    await writeBirthNote(sim.mount(), folder, plan);
    await removeBirthNote(sim.mount(), folder);
    sim.crash();
    expect(await readBirthNote(sim.mount(), folder)).toBeUndefined();
  });
});

describe('readBirthNote()', () => {
  test.each(['', '{"nodeId":1', 'null', '7'])('refuses %j by name', async (text) => {
    const sim = await machine(1);
    sim.plant(`${folder}/birth.json`, Buffer.from(text));
    await expect(readBirthNote(sim.mount(), folder)).rejects.toMatchObject({
      code: 'Refused',
      message: `Cannot read "${folder}/birth.json": it is damaged`,
    });
  });
});

describe('emptyFolder()', () => {
  test('leaves nothing that a power cut could bring back, and is content with nothing', async () => {
    const sim = await machine(1);
    const disk = sim.mount();
    await emptyFolder(disk, `${folder}/rows`);
    await disk.makeDirectory(`${folder}/rows`);
    for (const name of ['a', 'b']) {
      const file = await disk.open(`${folder}/rows/${name}`, 'create');
      await file.close();
    }
    await disk.syncDirectory(`${folder}/rows`);
    await emptyFolder(disk, `${folder}/rows`);
    sim.crash();
    expect(await sim.mount().list(`${folder}/rows`)).toEqual([]);
  });
});
